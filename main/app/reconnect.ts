// When to try again to reach the daemon. A local socket costs next to nothing to try, and a person waits: the first
// attempts come fast, so that a restart of the daemon (a second or two) is hardly seen; later ones are rarer. A part of
// each pause is random, so that several windows and browsers do not come all at once.

const FIRST_MS = 100;
const GROWTH = 1.6;
const LAST_MS = 3_000;
const RANDOM_SHARE = 0.25;
/** A connection that broke before this is one more failure: a daemon that dies at once is not hammered. */
const STEADY_MS = 5_000;

export class Reconnect {
  readonly #random: () => number;
  #failures = 0;
  #connectedAt: number | undefined;

  /** `random`: 0 to 1, as Math.random. */
  constructor(random: () => number) {
    this.#random = random;
  }

  connected(now: number): void {
    this.#connectedAt = now;
  }

  /** The connection broke, or none came about. Returns after how many ms the next attempt is due. */
  failed(now: number): number {
    if (this.#connectedAt !== undefined && now - this.#connectedAt >= STEADY_MS) this.#failures = 0;
    this.#connectedAt = undefined;
    const pause = Math.min(LAST_MS, FIRST_MS * GROWTH ** this.#failures);
    this.#failures++;
    return pause * (1 - RANDOM_SHARE * this.#random());
  }

  /** Somebody did something about it: the next attempts are fast again. */
  hurry(): void {
    this.#failures = 0;
  }
}
