// The multicast proxy between this computer's LANs (RFC 4605), as clients see and set it.
import * as v from "valibot";
import { bitRate } from "./bit-rate.ts";

const text = v.string();
const interfaceName = v.pipe(v.string(), v.regex(/^[^\s/\p{C}]{1,32}$/u, "not an interface name"));
/** A prefix or an address in text; the daemon checks that it is one. */
const prefixText = v.pipe(v.string(), v.regex(/^[\da-fA-F:.]{2,45}(\/\d{1,3})?$/, "not a prefix"));
const prefixTexts = v.pipe(v.array(prefixText), v.maxLength(256));

export const proxySchema = v.object({
  /** waiting: it is on, and nothing can cross; `detail` says what is missing. */
  state: v.picklist(["off", "running", "waiting"]),
  /** One sentence for people. */
  detail: text,
  /** The interface towards the sources that is in use now. */
  upstream: v.nullable(text),
  /** Those towards the listeners. */
  downstream: v.array(text),
  quickLeave: v.boolean(),
  /** Of the upstream, beside its own networks; none: any. Files may say more of single interfaces. */
  sources: v.array(text),
  /** Groups that may be joined; none: all. */
  allowed: v.array(text),
  denied: v.array(text),
  /** The most on each downstream. */
  bitsPerSecond: v.nullable(v.number()),
  /** The file that says all this; null: it was set by command. */
  origin: v.nullable(text),
});
export type Proxy = v.InferOutput<typeof proxySchema>;

/** What is not named stays as it is. */
export const proxyChangeSchema = v.strictObject({
  on: v.optional(v.boolean()),
  /** null: the interface with the default route. */
  upstream: v.optional(v.nullable(interfaceName)),
  /** None: all LANs but the upstream. */
  downstream: v.optional(v.pipe(v.array(interfaceName), v.maxLength(32))),
  quickLeave: v.optional(v.boolean()),
  sources: v.optional(prefixTexts),
  allowed: v.optional(prefixTexts),
  denied: v.optional(prefixTexts),
  bitsPerSecond: v.optional(v.nullable(bitRate)),
});
export type ProxyChange = v.InferOutput<typeof proxyChangeSchema>;

export const PROXY_OFF: Proxy = {
  state: "off",
  detail: "Nothing crosses between LANs but what routes say.",
  upstream: null,
  downstream: [],
  quickLeave: false,
  sources: [],
  allowed: [],
  denied: [],
  bitsPerSecond: null,
  origin: null,
};
