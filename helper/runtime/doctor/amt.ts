// Streams of the Internet's: is there a relay that answers?
import type { AmtJoin } from "#contract/amt.ts";
import type { Check } from "#contract/snapshot.ts";
import { ok, warn, type Topic } from "./topic.ts";

export const amt: Topic = {
  id: "amt",
  title: "streams of the Internet",
  examine: ({ snapshots }) => amtChecks(snapshots.snapshot().amt.joins),
};

/** Where nothing is asked for there is nobody to ask. */
export function amtChecks(joins: readonly AmtJoin[]): Check[] {
  const failed = joins.filter(({ state }) => state === "failed");
  const answered = joins.filter(({ state }) => state === "waiting" || state === "receiving");
  const relays = [...new Set(answered.flatMap(({ via }) => via?.address ?? []))];
  const receiving = answered.filter(({ state }) => state === "receiving").length;
  const [first] = failed;
  return [
    ...(answered.length > 0
      ? [
          ok(
            "amt",
            `AMT relays answer (${relays.join(", ")}); ${receiving} of ${answered.length} streams asked of them come.`,
          ),
        ]
      : []),
    ...(first
      ? [
          warn(
            "amt",
            `${failed.length} of ${joins.length} streams of the Internet have no relay. ${first.group}: ${first.detail}`,
            "AMT is UDP to port 2268: where a network lets none out, another way to the Internet is needed. " +
              "A relay that you know: castaway amt relays ADDRESS",
          ),
        ]
      : []),
  ];
}
