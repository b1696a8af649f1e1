import { MAX_RELAY_GATEWAYS } from "#protocol/amt/fan-out-changes.ts";

/** A token bucket of the same size for each of a relay's gateways. Time in ms. */
export class GatewayBuckets {
  readonly #perMs: number;
  readonly #burst: number;
  /** What is taken and not made up for yet, so that memory that was never touched is a full bucket. */
  readonly #taken = new Float64Array(MAX_RELAY_GATEWAYS + 1);
  readonly #takenAt = new Float64Array(MAX_RELAY_GATEWAYS + 1);

  constructor(perMs: number, burst: number) {
    this.#perMs = perMs;
    this.#burst = burst;
  }

  /** A gateway that is new has taken nothing. */
  clear(gateway: number): void {
    this.#taken[gateway] = 0;
  }

  take(gateway: number, amount: number, now: number): boolean {
    const passed = Math.max(0, now - this.#takenAt[gateway]!);
    const taken = Math.max(0, this.#taken[gateway]! - passed * this.#perMs);
    const fits = taken + amount <= this.#burst;
    this.#takenAt[gateway] = now;
    this.#taken[gateway] = fits ? taken + amount : taken;
    return fits;
  }
}
