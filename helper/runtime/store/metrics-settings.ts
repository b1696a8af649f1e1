// Where figures for Prometheus are handed out, as people set it.
import * as v from "valibot";
import { DEFAULT_METRICS_LISTEN } from "#contract/metrics.ts";

export interface MetricsSettings {
  readonly on: boolean;
  /** As it was written: "127.0.0.1:9469", or the path of a Unix socket. Parsed when it is opened. */
  readonly listen: string;
}

export const DEFAULT_METRICS: MetricsSettings = { on: false, listen: DEFAULT_METRICS_LISTEN };

export const metricsSettingsSchema: v.GenericSchema<unknown, MetricsSettings> = v.strictObject({
  on: v.boolean(),
  listen: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
});
