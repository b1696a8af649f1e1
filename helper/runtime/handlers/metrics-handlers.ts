import type { DaemonApi } from "../control/daemon-api.ts";
import { saved, type HandlerParts } from "./handler-parts.ts";

export function metricsHandlers(parts: HandlerParts): Pick<DaemonApi, `metrics.${"get" | "set"}`> {
  const { metrics } = parts;
  return {
    "metrics.get": async () => metrics.view(),
    "metrics.set": async (change) => {
      await metrics.set(change);
      await saved(parts);
      return metrics.view();
    },
  };
}
