const WINDOW_MS = 250;

/** The largest value of the last one or two windows, in the cell that it is shown in. */
export class RecentLargest {
  readonly #show: (value: number) => void;
  #since = -Infinity;
  #current = 0;
  #before = 0;

  constructor(show: (value: number) => void) {
    this.#show = show;
  }

  note(value: number, now: number): void {
    const age = now - this.#since;
    if (age >= WINDOW_MS) {
      this.#before = age < 2 * WINDOW_MS ? this.#current : 0;
      this.#current = value;
      this.#since = now;
    } else if (value > this.#current) this.#current = value;
    else return;
    this.#show(Math.max(this.#before, this.#current));
  }
}
