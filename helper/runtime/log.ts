import type { Log, LogLevel } from "#ports/log.ts";

export interface LogLine {
  readonly number: number;
  readonly wall: number; // ms since 1970
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error"];
const KEPT_LINES = 2_000;

/** journald reads the priority from a "<N>" prefix (sd-daemon(3)). */
const JOURNAL_PRIORITY: Record<LogLevel, number> = { debug: 7, info: 6, warn: 4, error: 3 };

/** Keeps the last lines for `castaway logs` and writes them to a stream. */
export class RingLog implements Log {
  readonly #lines: LogLine[] = [];
  readonly #listeners = new Set<(line: LogLine) => void>();
  readonly #level: number;
  readonly #print: (text: string) => void;
  readonly #journal: boolean;
  #next = 1;

  constructor(level: LogLevel, print: (text: string) => void, journal: boolean) {
    this.#level = ORDER.indexOf(level);
    this.#print = print;
    this.#journal = journal;
  }

  write(level: LogLevel, message: string, fields: LogLine["fields"] = {}): void {
    if (ORDER.indexOf(level) < this.#level) return;
    const line: LogLine = { number: this.#next++, wall: Date.now(), level, message, fields };
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    const prefix = this.#journal
      ? `<${JOURNAL_PRIORITY[level]}>`
      : `${new Date(line.wall).toISOString()} ${level} `;
    this.#print(`${prefix}${lineText(line)}\n`);
    for (const listener of this.#listeners) listener(line);
  }

  /** The kept lines, oldest first. */
  lines(): readonly LogLine[] {
    return this.#lines;
  }

  onLine(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function lineText(line: LogLine): string {
  const fields = Object.entries(line.fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  // Names come from other people: a line break in one must not look like a line of ours.
  return (line.message + fields.join("")).replaceAll(/\p{Cc}/gu, " ");
}
