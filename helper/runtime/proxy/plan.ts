// What the proxy is to do, whoever said so: people by command, a file, or the command line of `castaway proxy`.
import type { LanRole } from "#protocol/forwarding/vifs.ts";
import { prefixContains, type Address, type Prefix } from "#wire/address.ts";
import type { ProxySettings } from "../store/proxy-settings.ts";

/** What holds on one interface of the proxy. */
export interface InterfaceRules {
  /** Sources that are taken beside those of the interface's own networks (igmpproxy's altnet); none: any. */
  readonly sources: readonly Prefix[];
  /** Groups that may be joined behind a downstream, or that cross an upstream (whitelist); none: all. */
  readonly allowed: readonly Prefix[];
  /** Groups that may not, allowed or not (blacklist). */
  readonly denied: readonly Prefix[];
  /** The most that is put on the wire; null: no limit. */
  readonly bitsPerSecond: number | null;
}

export interface ProxyPlan {
  /** undefined: the interface with the default route. */
  readonly upstream: string | undefined;
  /** None: all LANs but the upstream. */
  readonly downstream: readonly string[];
  /** Not to be used, where all are. */
  readonly disabled: readonly string[];
  readonly quickLeave: boolean;
  /** The file that says so. */
  readonly origin: string | undefined;
  rulesOf(name: string, role: LanRole): InterfaceRules;
}

export const NO_RULES: InterfaceRules = { sources: [], allowed: [], denied: [], bitsPerSecond: null };

/** undefined: it is off. */
export function planOf(settings: ProxySettings): ProxyPlan | undefined {
  if (!settings.on) return undefined;
  const { upstream, downstream, quickLeave, sources, allowed, denied, bitsPerSecond } = settings;
  const rules: Record<LanRole, InterfaceRules> = {
    upstream: { sources, allowed, denied, bitsPerSecond: null },
    downstream: { sources: [], allowed, denied, bitsPerSecond },
  };
  return {
    upstream: upstream ?? undefined,
    downstream,
    disabled: [],
    quickLeave,
    origin: undefined,
    rulesOf: (_name, role) => rules[role],
  };
}

export function permits({ allowed, denied }: InterfaceRules, group: Address): boolean {
  const isIn = (prefix: Prefix): boolean => prefixContains(prefix, group);
  return !denied.some(isIn) && (allowed.length === 0 || allowed.some(isIn));
}
