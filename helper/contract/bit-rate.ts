// A limit that people set, in bits a second: of a member, a LAN, an AMT gateway.
import * as v from "valibot";

const LEAST = 64_000;
const MOST = 100_000_000_000;
const FORM = /^(\d{1,6}(?:\.\d{1,3})?)([kMG])$/;
const UNIT: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9 };

export const bitRate = v.pipe(v.number(), v.integer(), v.minValue(LEAST), v.maxValue(MOST));

/** "500k", "20M", "1.5G"; undefined: it is none, or not from 64k to 100G. */
export function parseBitRate(text: string): number | undefined {
  const [, amount, unit] = FORM.exec(text) ?? [];
  const rate = Math.round(Number(amount) * (UNIT[unit ?? ""] ?? Number.NaN));
  return rate >= LEAST && rate <= MOST ? rate : undefined;
}
