/** When something is asked again: from `first` ms doubling to `last`, up to a quarter more at random. */
export class Retry {
  readonly #first: number;
  readonly #last: number;
  #tries = 0;
  #nextAt = Infinity;

  constructor(first: number, last: number) {
    this.#first = first;
    this.#last = last;
  }

  get at(): number {
    return this.#nextAt;
  }

  get tries(): number {
    return this.#tries;
  }

  start(now: number): void {
    this.#tries = 0;
    this.#nextAt = now;
  }

  stop(): void {
    this.#nextAt = Infinity;
  }

  due(now: number): boolean {
    return this.#nextAt <= now;
  }

  /** It was asked just now. `random`: 0 up to 1. */
  again(now: number, random: number): void {
    const wait = Math.min(this.#first * 2 ** Math.min(this.#tries++, 10), this.#last);
    this.#nextAt = now + wait * (1 + random / 4);
  }
}
