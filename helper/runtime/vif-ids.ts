import { MAX_VIFS, type VifId } from "#protocol/forwarding/route-table.ts";

/**
 * Gives out vif numbers. A freed one is used again as late as possible, so that an event that was under way when
 * its vif went does not meet another one of the same number.
 */
export class VifIds {
  readonly #free = Array.from({ length: MAX_VIFS - 1 }, (_, i) => i + 1); // 0 is never a vif

  /** undefined: all are in use. */
  take(): VifId | undefined {
    return this.#free.shift();
  }

  give(id: VifId): void {
    this.#free.push(id);
  }
}
