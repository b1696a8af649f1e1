// The multicast proxy between this computer's LANs, as people set it.
import * as v from "valibot";
import { bitRate } from "#contract/bit-rate.ts";
import type { Prefix } from "#wire/address.ts";
import { prefix, vifName } from "./field-schemas.ts";

export interface ProxySettings {
  readonly on: boolean;
  /** null: the interface with the default route. */
  readonly upstream: string | null;
  /** None: all LANs but the upstream. */
  readonly downstream: readonly string[];
  readonly quickLeave: boolean;
  /** What the upstream takes beside the sources of its own networks; none: from anywhere. */
  readonly sources: readonly Prefix[];
  /** Groups that may be joined; none: all. */
  readonly allowed: readonly Prefix[];
  /** Groups that may not, allowed or not. */
  readonly denied: readonly Prefix[];
  /** The most that is put on each downstream; null: no limit. */
  readonly bitsPerSecond: number | null;
}

export const MAX_PROXY_INTERFACES = 32;
export const MAX_PROXY_PREFIXES = 256;

export const DEFAULT_PROXY: ProxySettings = {
  on: false,
  upstream: null,
  downstream: [],
  quickLeave: false,
  sources: [],
  allowed: [],
  denied: [],
  bitsPerSecond: null,
};

const prefixes = v.pipe(v.array(prefix), v.maxLength(MAX_PROXY_PREFIXES));

export const proxySettingsSchema: v.GenericSchema<unknown, ProxySettings> = v.strictObject({
  on: v.boolean(),
  upstream: v.nullable(vifName),
  downstream: v.pipe(v.array(vifName), v.maxLength(MAX_PROXY_INTERFACES)),
  quickLeave: v.boolean(),
  sources: prefixes,
  allowed: prefixes,
  denied: prefixes,
  bitsPerSecond: v.nullable(bitRate),
});
