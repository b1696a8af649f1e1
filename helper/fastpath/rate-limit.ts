/** What may leave at once, as time at the rate; one packet of any size fits. */
const BURST_MS = 100;
const LEAST_BURST = 70_000;

/** Bytes that may leave at once. */
export function burstOf(bytesPerMs: number): number {
  return bytesPerMs === 0 ? 0 : Math.max(bytesPerMs * BURST_MS, LEAST_BURST);
}

/** So many bits a second, of packets of any size. Off at first. Time in ms. */
export class RateLimit {
  /** Asked once a packet, so that no limit costs no more than that. */
  on = false;
  #bytesPerMs = 0;
  #burst = 0;
  #tokens = 0;
  #last = 0;

  /** Bits a second; undefined: none. */
  set(rate: number | undefined, now: number): void {
    if (rate === undefined) {
      this.on = false;
      return;
    }
    this.#bytesPerMs = rate / 8_000;
    this.#burst = burstOf(this.#bytesPerMs);
    this.#tokens = this.on ? Math.min(this.#tokens, this.#burst) : this.#bytesPerMs * BURST_MS;
    if (!this.on) this.#last = now;
    this.on = true;
  }

  take(bytes: number, now: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#last) * this.#bytesPerMs);
    this.#last = now;
    if (this.#tokens < bytes) return false;
    this.#tokens -= bytes;
    return true;
  }
}
