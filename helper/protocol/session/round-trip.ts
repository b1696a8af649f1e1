const WRAP = 2 ** 32;
const MAX_MS = 60_000;

/** Round trip time from the stamps of pings: our own clock in microseconds, modulo 2^32 (71 minutes). */
export class RoundTrip {
  #smoothed: number | undefined;
  #measuredAt = -Infinity;

  get smoothed(): number | undefined {
    return this.#smoothed;
  }

  get measuredAt(): number {
    return this.#measuredAt;
  }

  stamp(now: number): number {
    return Math.floor(now * 1000) % WRAP;
  }

  /** The sample in ms, or undefined for a stamp that cannot be ours. Smoothed as in RFC 6298 section 2. */
  handleStamp(stamp: number, now: number): number | undefined {
    const ms = ((this.stamp(now) - stamp + WRAP) % WRAP) / 1000;
    if (ms > MAX_MS) return undefined;
    this.#smoothed = this.#smoothed === undefined ? ms : this.#smoothed + (ms - this.#smoothed) / 8;
    this.#measuredAt = now;
    return ms;
  }
}
