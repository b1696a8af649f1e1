import { MAX_RELAY_GATEWAYS } from "#protocol/amt/fan-out-changes.ts";
import { burstOf } from "../rate-limit.ts";

/** The same limit for each of a relay's gateways. Off at first. Time in ms. */
export class GatewayRates {
  /** Asked for each copy, so that no limit costs no more than that. */
  on = false;
  #bytesPerMs = 0;
  #burst = 0;
  readonly #tokens = new Float64Array(MAX_RELAY_GATEWAYS + 1);
  readonly #last = new Float64Array(MAX_RELAY_GATEWAYS + 1);

  /** Bits a second; undefined: none. Each gateway starts anew. */
  set(rate: number | undefined): void {
    this.on = rate !== undefined;
    if (rate === undefined) return;
    this.#bytesPerMs = rate / 8_000;
    this.#burst = burstOf(this.#bytesPerMs);
    this.#tokens.fill(this.#burst);
  }

  /** A gateway that is new has taken nothing yet. */
  clear(gateway: number): void {
    this.#tokens[gateway] = this.#burst;
  }

  take(gateway: number, bytes: number, now: number): boolean {
    const passed = Math.max(0, now - this.#last[gateway]!);
    const tokens = Math.min(this.#burst, this.#tokens[gateway]! + passed * this.#bytesPerMs);
    this.#last[gateway] = now;
    const fits = tokens >= bytes;
    this.#tokens[gateway] = fits ? tokens - bytes : tokens;
    return fits;
  }
}
