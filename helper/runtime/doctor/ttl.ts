import { warn, type Topic } from "./topic.ts";

export const ttl: Topic = {
  id: "ttl",
  title: "packets that may not be routed",
  examine: ({ engine: { core, fastPath } }) => {
    let dropped = 0;
    for (const id of core.vifs.keys()) dropped += fastPath.counters(id).drops.ttl ?? 0;
    if (dropped === 0) return [];
    return [
      warn(
        "ttl",
        `${dropped} packets ended here because their TTL was used up: many programs send with a TTL of 1.`,
        "Raise the TTL in the sending program (ffmpeg: ?ttl=16).",
      ),
    ];
  },
};
