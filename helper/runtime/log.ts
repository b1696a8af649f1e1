import type { Log, LogLevel } from "#ports/log.ts";
import { RepeatedLines, type Repeated } from "./repeated-lines.ts";

export interface LogLine {
  readonly number: number;
  readonly wall: number; // ms since 1970
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error"];
const KEPT_LINES = 2_000;
/** Of a line that is printed, in characters: the journal cuts one of 48 KiB in two, and the second has no priority. */
const MAX_PRINTED = 4_000;

interface Printed {
  readonly level: LogLevel;
  readonly text: string;
}

/** journald reads the priority from a "<N>" prefix (sd-daemon(3)). */
const JOURNAL_PRIORITY: Record<LogLevel, number> = { debug: 7, info: 6, warn: 4, error: 3 };

/**
 * Keeps the last lines for `castaway logs` and writes them to a stream: what is said more than a few times a minute is
 * counted there. In the journal a line has no time, since the journal adds one.
 */
export class RingLog implements Log {
  readonly #lines: LogLine[] = [];
  readonly #listeners = new Set<(line: LogLine) => void>();
  readonly #level: number;
  readonly #print: (text: string) => void;
  readonly #journal: boolean;
  readonly #now: () => number;
  readonly #repeated = new RepeatedLines<Printed>();
  #timer: NodeJS.Timeout | undefined;
  #next = 1;

  /** `now`: ms of a clock that goes on. */
  constructor(
    level: LogLevel,
    print: (text: string) => void,
    journal: boolean,
    now: () => number = () => performance.now(),
  ) {
    this.#level = ORDER.indexOf(level);
    this.#print = print;
    this.#journal = journal;
    this.#now = now;
  }

  write(level: LogLevel, message: string, fields: LogLine["fields"] = {}): void {
    if (ORDER.indexOf(level) < this.#level) return;
    const line: LogLine = { number: this.#next++, wall: Date.now(), level, message, fields };
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    this.#printOnce(level, lineText(line), line.wall);
    for (const listener of this.#listeners) listener(line);
  }

  /** The kept lines, oldest first. */
  lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** Says what was counted and not said yet. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const repeated of this.#repeated.drain()) this.#printRepeated(repeated);
  }

  onLine(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #printOnce(level: LogLevel, text: string, wall: number): void {
    this.#tellRepeated();
    const now = this.#now();
    if (this.#repeated.isNew(`${level} ${text}`, { level, text }, now)) this.#printLine(level, text, wall);
    this.#arm(now);
  }

  #tellRepeated(): void {
    for (const repeated of this.#repeated.handleTimeout(this.#now())) this.#printRepeated(repeated);
  }

  #printRepeated({ line: { level, text }, times }: Repeated<Printed>): void {
    this.#printLine(
      level,
      `${text} (said ${times} ${times === 1 ? "time" : "times"} more in the last minute)`,
      Date.now(),
    );
  }

  #printLine(level: LogLevel, text: string, wall: number): void {
    const prefix = this.#journal
      ? `<${JOURNAL_PRIORITY[level]}>`
      : `${new Date(wall).toISOString()} ${level} `;
    this.#print(`${prefix}${text}\n`);
  }

  /** A process that has nothing else to do is not kept running. */
  #arm(now: number): void {
    const at = this.#repeated.pollTimeout();
    if (at === undefined || this.#timer) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#tellRepeated();
        this.#arm(this.#now());
      },
      Math.max(1, Math.ceil(at - now)),
    ).unref();
  }
}

function lineText(line: LogLine): string {
  const fields = Object.entries(line.fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  // Names come from other people: a line break in one must not look like a line of ours, nor turn its letters round.
  const text = (line.message + fields.join("")).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, " ");
  return text.length <= MAX_PRINTED ? text : `${text.slice(0, MAX_PRINTED).toWellFormed()}...`;
}
