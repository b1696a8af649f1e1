import type { Result } from "#contract/methods.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import { diagnose } from "../doctor.ts";
import { memberHandlers } from "./member-handlers.ts";
import { networkHandlers } from "./network-handlers.ts";
import { Named, type HandlerParts } from "./handler-parts.ts";
import { reachHandlers } from "./reach-handlers.ts";
import { settingsHandlers } from "./settings-handlers.ts";

/** What the daemon does for its clients. */
export function daemonHandlers(parts: HandlerParts): DaemonApi {
  const { engine, snapshots, log } = parts;
  const named = new Named(parts);
  return {
    snapshot: () => snapshots.snapshot(),
    ...networkHandlers(parts, named),
    ...memberHandlers(parts, named),
    ...settingsHandlers(parts),
    ...reachHandlers(parts),
    stats: async () => snapshots.stats(),
    dump: async () => ({ snapshot: snapshots.snapshot(), stats: snapshots.stats() }),
    doctor: async () => ({ checks: await diagnose(engine) }),
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
