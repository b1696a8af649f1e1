// What limits the way to a member, in words.
import { amountText, ratioText } from "./plain-text.ts";
import type { Sending } from "./snapshot.ts";

/** undefined where nothing does. */
export function limitText(sending: Sending | null): string | undefined {
  if (!sending) return undefined;
  const { breaker, breakerBps, lossRatio, maximumBps } = sending;
  const lost = lossRatio === null ? "" : `, ${ratioText(lossRatio)} lost`;
  const parts = [
    ...(breaker === "open" ? [`circuit breaker open: no multicast is sent${lost}`] : []),
    ...(breaker === "limiting"
      ? [`circuit breaker: at most ${amountText(breakerBps ?? 0, "bit/s")} of multicast${lost}`]
      : []),
    ...(maximumBps === null ? [] : [`limited to ${amountText(maximumBps, "bit/s")}`]),
  ];
  return parts.length === 0 ? undefined : parts.join("; ");
}
