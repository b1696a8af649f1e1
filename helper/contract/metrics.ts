// Figures for Prometheus: whether, and where, the daemon hands them out.
import * as v from "valibot";

export const DEFAULT_METRICS_LISTEN = "127.0.0.1:9469";

/** "127.0.0.1:9469", "[::1]:9469", or the path of a Unix socket; the daemon says which ones it takes. */
const listenText = v.pipe(
  v.string(),
  v.regex(
    /^(\/[\w.@/-]{1,100}|\[[\da-fA-F:.]{2,45}\]:\d{1,5}|[\w.-]{1,120}:\d{1,5})$/,
    "not ADDRESS:PORT or a path",
  ),
);

export const metricsChangeSchema = v.strictObject({
  on: v.boolean(),
  /** Stays as it was where it is left out. */
  listen: v.optional(listenText),
});
export type MetricsChange = v.InferOutput<typeof metricsChangeSchema>;

export const metricsSchema = v.object({
  on: v.boolean(),
  listen: v.string(),
  /** failed: it is on, and nobody can ask; `detail` says why. */
  state: v.picklist(["off", "listening", "failed"]),
  /** One sentence for people. */
  detail: v.string(),
  /** How often somebody has asked and was answered; how often somebody was turned away. Since the daemon's start. */
  scrapes: v.number(),
  refused: v.number(),
});
export type Metrics = v.InferOutput<typeof metricsSchema>;
