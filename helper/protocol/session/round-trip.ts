const WRAP = 2 ** 32;
const MAX_MS = 60_000;
/** Stamps run ahead of the clock by no more than this: a second of pings, each in one microsecond. */
const NEARLY = 1_000_000;

/** Round trip time from the stamps of pings: our own clock in microseconds, modulo 2^32 (71 minutes). */
export class RoundTrip {
  #smoothed: number | undefined;
  #measuredAt = -Infinity;
  #last = 0;

  get smoothed(): number | undefined {
    return this.#smoothed;
  }

  get measuredAt(): number {
    return this.#measuredAt;
  }

  /** For a ping that leaves now: another one than any lately, also where that left in the same microsecond. */
  stamp(now: number): number {
    const stamp = stampAt(now);
    const behind = (this.#last - stamp + WRAP) % WRAP;
    this.#last = behind < NEARLY ? (this.#last + 1) % WRAP : stamp;
    return this.#last;
  }

  /** The sample in ms, or undefined for a stamp that cannot be ours. Smoothed as in RFC 6298 section 2. */
  handleStamp(stamp: number, now: number): number | undefined {
    const ms = ((stampAt(now) - stamp + WRAP) % WRAP) / 1000;
    if (ms > MAX_MS) return undefined;
    this.#smoothed = this.#smoothed === undefined ? ms : this.#smoothed + (ms - this.#smoothed) / 8;
    this.#measuredAt = now;
    return ms;
  }
}

function stampAt(now: number): number {
  return Math.floor(now * 1000) % WRAP;
}
