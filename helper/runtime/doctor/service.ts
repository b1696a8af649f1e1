import { durationText } from "#contract/plain-text.ts";
import { ok, type Topic } from "./topic.ts";

export const service: Topic = {
  id: "service",
  title: "the service",
  examine: ({ snapshots, engine }) => {
    const { version, startedAt, pid } = snapshots.daemon();
    const since = durationText(engine.core.clock.wall() - startedAt);
    return [ok("service", `Castaway ${version} runs for ${since} (process ${pid}).`)];
  },
};
