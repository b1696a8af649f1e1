// What is said again and again is printed a few times, and then once a minute, with a number.

const WINDOW_MS = 60_000;
/** Of one text in that time: who goes back and forth between two states is seen to do so, and in which one it ended. */
export const SHOWN = 5;
/** Texts that are remembered: of more than that the oldest may be printed anew. */
const MAX_TEXTS = 256;

export interface Repeated<T> {
  readonly line: T;
  /** Not printed, since the line was printed last. */
  readonly times: number;
}

interface Entry<T> {
  readonly line: T;
  until: number;
  shown: number;
  /** Not printed. */
  times: number;
}

/** Times are ms of a clock that goes on. */
export class RepeatedLines<T> {
  readonly #entries = new Map<string, Entry<T>>(); // by until

  /** Whether the line is to be printed now. `text` is all of it. */
  isNew(text: string, line: T, now: number): boolean {
    const entry = this.#entries.get(text);
    if (!entry) {
      this.#entries.set(text, { line, until: now + WINDOW_MS, shown: 1, times: 0 });
      return true;
    }
    if (entry.shown < SHOWN) {
      entry.shown++;
      return true;
    }
    entry.times++;
    return false;
  }

  /** What was repeated in the minutes that are over. What was not is forgotten. */
  handleTimeout(now: number): Repeated<T>[] {
    const out: Repeated<T>[] = [];
    for (const [text, entry] of this.#entries) {
      const { line, times, until } = entry;
      const over = until <= now;
      if (!over && this.#entries.size <= MAX_TEXTS) break;
      this.#entries.delete(text);
      if (times === 0) continue;
      out.push({ line, times });
      // Over: it goes on being counted. One of too many texts is let go.
      if (over) this.#entries.set(text, { line, shown: SHOWN, times: 0, until: now + WINDOW_MS });
    }
    return out;
  }

  /** When something is to be said that nobody has to ask for; undefined: nothing was repeated. */
  pollTimeout(): number | undefined {
    return this.#entries.values().find(({ times }) => times > 0)?.until;
  }

  /** At the end. */
  drain(): Repeated<T>[] {
    const out = [...this.#entries.values()].filter(({ times }) => times > 0);
    this.#entries.clear();
    return out.map(({ line, times }) => ({ line, times }));
  }
}
