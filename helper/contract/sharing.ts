// What of a computer's LAN crosses beside the usual: presets, the proxies that they switch on, streams with TTL 1.
import * as v from "valibot";

export const presetName = v.pipe(v.string(), v.regex(/^[a-z\d-]{1,32}$/, "not a preset's name"));

export const presetSchema = v.object({
  name: v.string(),
  /** One sentence: what it opens. */
  summary: v.string(),
  /** Multicast prefixes beside those that cross in any case. */
  ranges: v.array(v.string()),
  /** Discovery proxies that it switches on. */
  proxies: v.array(v.string()),
  /** What is found is used by unicast: members want access to the LAN. */
  lanAccess: v.boolean(),
  on: v.boolean(),
});
export type Preset = v.InferOutput<typeof presetSchema>;

export const sharingSchema = v.object({
  /** Names of the presets that are on. */
  presets: v.array(v.string()),
  /** Discovery proxies that run here, because of a preset or because a network's host wants them. */
  proxies: v.array(v.string()),
  /** Groups whose packets cross although they are sent with TTL 1. */
  raisedTtl: v.array(v.string()),
});
export type Sharing = v.InferOutput<typeof sharingSchema>;
