// Values as people read them, the same in the CLI, the dump and the app.

/** Names and messages can come from other people: without what steers a terminal or reorders a line. */
export function plainText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (c) => (c === "\n" || c === "\t" ? " " : ""));
}

const DECIMAL_UNITS = ["", "k", "M", "G", "T", "P"];

/** 1316 and "B": "1.32 kB". Decimal steps, three digits. */
export function amountText(value: number, unit: string): string {
  let step = 0;
  let scaled = value;
  while (scaled >= 999.5 && step < DECIMAL_UNITS.length - 1) {
    scaled /= 1000;
    step++;
  }
  const digits = step === 0 && Number.isInteger(scaled) ? 0 : scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return `${scaled.toFixed(digits)} ${DECIMAL_UNITS[step]}${unit}`;
}

/** Milliseconds to "4 s", "3 min 5 s", "2 h 7 min", "5 d 3 h". */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [d, h, min, s] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ];
  if (d > 0) return h > 0 ? `${d} d ${h} h` : `${d} d`;
  if (h > 0) return min > 0 ? `${h} h ${min} min` : `${h} h`;
  if (min > 0) return s > 0 ? `${min} min ${s} s` : `${min} min`;
  return `${s} s`;
}

/** 0.0123 to "1.2 %"; "-" where it is not known. */
export function ratioText(ratio: number | null): string {
  return ratio === null ? "-" : `${(ratio * 100).toFixed(ratio > 0 && ratio < 0.1 ? 1 : 0)} %`;
}

/** How long ago, "never" for null. */
export function agoText(time: number | null, now: number): string {
  return time === null ? "never" : `${durationText(now - time)} ago`;
}
