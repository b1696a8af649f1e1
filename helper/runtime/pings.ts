/** Pings to one member that somebody waits for, at one time. */
const MAX_WAITING = 32;

export class TooManyPings extends Error {
  override name = "TooManyPings";
}

/** Pings whose answers somebody waits for, by their stamps. */
export class Pings {
  readonly #waiting = new Map<number, (ms: number | undefined) => void>();
  #count = 0;

  /** Throws TooManyPings. */
  checkRoom(): void {
    if (this.#count >= MAX_WAITING) throw new TooManyPings();
  }

  /** Resolves with undefined after `timeoutMs`, or when nobody is there any more. */
  wait(stamp: number, timeoutMs: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.answered(stamp, undefined), timeoutMs);
      this.#count++;
      const before = this.#waiting.get(stamp); // of the same microsecond: the same answer
      this.#waiting.set(stamp, (ms) => {
        clearTimeout(timer);
        this.#count--;
        before?.(ms);
        resolve(ms);
      });
    });
  }

  answered(stamp: number, ms: number | undefined): void {
    const resolve = this.#waiting.get(stamp);
    this.#waiting.delete(stamp);
    resolve?.(ms);
  }

  close(): void {
    for (const stamp of this.#waiting.keys()) this.answered(stamp, undefined);
  }
}
