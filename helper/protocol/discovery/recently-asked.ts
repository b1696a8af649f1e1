const MOST = 256;
/** Questions a second, and at once. */
const RATE = 50;
const BURST = 100;

/** Lets a question pass once in a while, and not too many in all. */
export class RecentlyAsked {
  readonly #every: number;
  readonly #at = new Map<string, number>();
  #tokens = BURST;
  #filledAt = -Infinity;

  /** `every`: ms. */
  constructor(every: number) {
    this.#every = every;
  }

  ask(key: string, now: number): "yes" | "repeated" | "limited" {
    const last = this.#at.get(key);
    if (last !== undefined && now - last < this.#every) return "repeated";
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#filledAt) / 1000) * RATE);
    this.#filledAt = now;
    if (this.#tokens < 1) return "limited";
    this.#tokens--;
    this.#at.delete(key);
    if (this.#at.size >= MOST) {
      const [oldest] = this.#at.keys(); // in the order of asking
      if (oldest !== undefined) this.#at.delete(oldest);
    }
    this.#at.set(key, now);
    return "yes";
  }
}
