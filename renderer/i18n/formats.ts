// Values as they stand inside a sentence of the interface's language. What other people chose can neither reorder the
// sentence around it nor hide in it; addresses read from left to right everywhere (Unicode's isolates, UAX 9, 2.4).
import { plainText } from "#contract/plain-text.ts";
import { currentLanguage } from "./i18n.svelte.ts";

const FIRST_STRONG_ISOLATE = "\u2068";
const LEFT_TO_RIGHT_ISOLATE = "\u2066";
const END = "\u2069";

/** A name that somebody chose. */
export function nameText(name: string): string {
  return FIRST_STRONG_ISOLATE + plainText(name) + END;
}

/** An address, an endpoint, an interface: in code. */
export function codeText(code: string): string {
  return LEFT_TO_RIGHT_ISOLATE + plainText(code) + END;
}

/** Day and time of wall milliseconds, "1 Jun 2026, 20:15". */
export function momentText(wallMs: number): string {
  return new Intl.DateTimeFormat(currentLanguage(), { dateStyle: "medium", timeStyle: "short" }).format(
    wallMs,
  );
}

/** The time of day alone. */
export function clockText(wallMs: number): string {
  return new Intl.DateTimeFormat(currentLanguage(), { timeStyle: "short" }).format(wallMs);
}

/** "a, b and c". */
export function listText(parts: readonly string[]): string {
  return new Intl.ListFormat(currentLanguage(), { type: "conjunction" }).format(parts);
}

export function numberText(value: number, digits = 0): string {
  return new Intl.NumberFormat(currentLanguage(), { maximumFractionDigits: digits }).format(value);
}
