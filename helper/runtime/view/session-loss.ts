import type { VifCounters } from "#fastpath/counters.ts";

/** Of the frames that a member sent under the current key. Counters begin at 0, so `highest + 1` were. */
export function sessionLoss({
  highestCounter,
  receivedUnderKey,
}: Pick<VifCounters, "highestCounter" | "receivedUnderKey">): number | null {
  if (receivedUnderKey === 0) return null;
  return Math.min(1, Math.max(0, 1 - receivedUnderKey / (highestCounter + 1)));
}
