// Values as they stand inside a sentence of the interface's language. What other people chose can neither reorder the
// sentence around it nor hide in it; addresses read from left to right everywhere (Unicode's isolates, UAX 9, 2.4).
import { plainText } from "#contract/plain-text.ts";
import { currentLanguage } from "./i18n.svelte.ts";

const FIRST_STRONG_ISOLATE = "\u2068";
const LEFT_TO_RIGHT_ISOLATE = "\u2066";
const END = "\u2069";
const NO_BREAK_SPACE = "\u00a0";

/** Digits are those of addresses and commands, in every language: the two are compared. */
function locale(): string {
  return `${currentLanguage()}-u-nu-latn`;
}

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
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(wallMs);
}

/** The time of day alone. */
export function clockText(wallMs: number): string {
  return new Intl.DateTimeFormat(locale(), { timeStyle: "short" }).format(wallMs);
}

/** "a, b and c". */
export function listText(parts: readonly string[]): string {
  return new Intl.ListFormat(locale(), { type: "conjunction" }).format(parts);
}

export function numberText(value: number, digits = 0): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
}

/** "0.4 ms", "18 ms". */
export function millisecondsText(ms: number): string {
  return new Intl.NumberFormat(locale(), {
    style: "unit",
    unit: "millisecond",
    maximumFractionDigits: ms < 10 ? 1 : 0,
  })
    .format(ms)
    .replaceAll(" ", NO_BREAK_SPACE);
}

/** Bits a second: "12.4 Mbit/s". Decimal steps, three digits. */
export function bitRateText(bitsPerSecond: number): string {
  const prefixes = ["", "k", "M", "G", "T"];
  let step = 0;
  let scaled = bitsPerSecond;
  while (scaled >= 999.5 && step < prefixes.length - 1) {
    scaled /= 1000;
    step++;
  }
  const digits = step === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return codeText(`${numberText(scaled, digits)}${NO_BREAK_SPACE}${prefixes[step]}bit/s`);
}

/** 0.0123 to "1.2%", as the language writes it. */
export function percentText(ratio: number): string {
  return new Intl.NumberFormat(locale(), {
    style: "percent",
    maximumFractionDigits: ratio > 0 && ratio < 0.1 ? 1 : 0,
  }).format(ratio);
}
