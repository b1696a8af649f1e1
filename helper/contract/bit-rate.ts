// A limit that people set, in bits a second: of a member, a LAN, an AMT gateway.
import * as v from "valibot";

const LEAST = 64_000;
const MOST = 100_000_000_000;

export const bitRate = v.pipe(v.number(), v.integer(), v.minValue(LEAST), v.maxValue(MOST));

/** NaN is none. */
export function isBitRate(rate: number): boolean {
  return rate >= LEAST && rate <= MOST;
}
