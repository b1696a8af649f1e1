import { ControlError } from "#contract/errors.ts";
import type { Result } from "#contract/methods.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import { examine } from "../doctor/examine.ts";
import { repairOf } from "../doctor/fixes.ts";
import { TOPICS } from "../doctor/topics.ts";
import { relayDump } from "../view/amt-relay-view.ts";
import { amtHandlers } from "./amt-handlers.ts";
import { keyHandlers } from "./key-handlers.ts";
import { memberHandlers } from "./member-handlers.ts";
import { metricsHandlers } from "./metrics-handlers.ts";
import { tunnelHandlers } from "./tunnel-handlers.ts";
import { networkHandlers } from "./network-handlers.ts";
import { Named, saved, type HandlerParts } from "./handler-parts.ts";
import { proxyHandlers } from "./proxy-handlers.ts";
import { reachHandlers } from "./reach-handlers.ts";
import { pingHandlers } from "./ping-handlers.ts";
import { sharingHandlers } from "./sharing-handlers.ts";
import { settingsHandlers } from "./settings-handlers.ts";
import { shareHandlers } from "./lan-access-handlers.ts";

/** What the daemon does for its clients. */
export function daemonHandlers(parts: HandlerParts): DaemonApi {
  const { snapshots, log } = parts;
  const named = new Named(parts);
  return {
    snapshot: () => snapshots.snapshot(),
    ...networkHandlers(parts, named),
    ...memberHandlers(parts, named),
    ...settingsHandlers(parts),
    ...pingHandlers(parts),
    ...reachHandlers(parts),
    ...proxyHandlers(parts),
    ...sharingHandlers(parts),
    ...shareHandlers(parts, named),
    ...metricsHandlers(parts),
    ...amtHandlers(parts),
    ...keyHandlers(parts),
    ...tunnelHandlers(parts),
    stats: async () => snapshots.stats(),
    dump: async () => {
      const amtRelay = relayDump(parts.engine);
      return { snapshot: snapshots.snapshot(), stats: snapshots.stats(), ...(amtRelay && { amtRelay }) };
    },
    "doctor.topics": async () => ({ topics: TOPICS.map(({ id, title }) => ({ id, title })) }),
    doctor: async ({ topic }) => {
      const chosen = topic === undefined ? TOPICS : TOPICS.filter(({ id }) => id === topic);
      if (chosen.length === 0)
        throw new ControlError("not-found", `nothing called "${topic}" is examined`, "castaway doctor");
      return { checks: await examine(chosen, parts) };
    },
    "doctor.fix": async ({ fix: id }) => {
      const { fix, undo, apply } = repairOf(id, parts);
      apply();
      log.write("info", "the doctor mends", { fix: id });
      parts.engine.settingsChanged();
      await saved(parts);
      return { label: fix.label, undo };
    },
    logs: async ({ limit }): Promise<Result<"logs">> => ({
      lines: log
        .lines()
        .slice(limit === undefined ? 0 : -limit || Infinity)
        .map((line) => ({ ...line })),
    }),
    shutdown: async () => {
      setImmediate(parts.shutdown); // after the answer
      return {};
    },
  };
}
