import { family, parsePrefix, prefixContains, type Address, type Prefix } from "#wire/address.ts";
import { writeAddressWords } from "./address-words.ts";
import { isBadSourceWords, isNeverRoutedWords } from "./never-routed.ts";

/**
 * Which groups may cross from one vif to another. What is never routed (never-routed.ts) does not cross whatever
 * stands here; `except` wins over `shared`.
 */
export interface ScopePolicy {
  readonly shared: readonly Prefix[];
  readonly except: readonly Prefix[];
}

/**
 * Shared by default: what people use for streams, games and audio. Left out on purpose: 224.0.1.0/24 and the rest
 * of 224/8 but for one block (registered control protocols), 235/8 to 238/8 (reserved, RFC 5771 section 3), IPv6
 * scopes other than site, organisation and global.
 */
export const DEFAULT_SHARED: readonly string[] = [
  "224.2.0.0/16", // SDP/SAP block, RFC 5771 section 7: streams by announcement, and the announcements
  "225.0.0.0/8",
  "226.0.0.0/8",
  "227.0.0.0/8",
  "228.0.0.0/8",
  "229.0.0.0/8",
  "230.0.0.0/8",
  "231.0.0.0/8",
  "232.0.0.0/8", // source-specific, RFC 4607
  "233.0.0.0/8", // GLOP, RFC 3180
  "234.0.0.0/8", // unicast-prefix-based, RFC 6034
  "239.0.0.0/8", // administratively scoped, RFC 2365
  "ff05::/16",
  "ff08::/16",
  "ff0e::/16",
  "ff15::/16",
  "ff18::/16",
  "ff1e::/16",
  "ff35::/16",
  "ff38::/16",
  "ff3e::/16", // unicast-prefix-based and source-specific, RFC 3306, RFC 4607
];

/**
 * Discovery protocols made for one link: their answers name addresses and ports of that link, and a TTL of 255 or
 * 4 is part of the protocol. They need a proxy for the protocol, not a router. mDNS' and LLMNR's IPv4 groups are
 * in 224.0.0.0/24, so they cross in no case.
 */
export const DISCOVERY_GROUPS: readonly string[] = [
  "239.255.255.250/32", // SSDP
  ...Array.from("3456789abcdef", (scope) => [
    `ff0${scope}::c/128`, // SSDP
    `ff0${scope}::fb/128`, // mDNS, RFC 6762
    `ff0${scope}::1:3/128`, // LLMNR, RFC 4795
  ]).flat(),
];

/** Throws AddressError where one of the texts is no prefix. */
export function scopePolicy(
  shared: readonly string[] = DEFAULT_SHARED,
  except: readonly string[] = DISCOVERY_GROUPS,
): ScopePolicy {
  return { shared: shared.map(parsePrefix), except: except.map(parsePrefix) };
}

export type GroupRefusal = "never-routed" | "excepted" | "not-shared";

/** Why a group does not cross; undefined where it does. */
export function groupRefusal(policy: ScopePolicy, group: Address): GroupRefusal | undefined {
  const words = new Uint32Array(4);
  writeAddressWords(words, 0, group);
  if (isNeverRoutedWords(words, 0)) return "never-routed";
  if (policy.except.some((prefix) => prefixContains(prefix, group))) return "excepted";
  return policy.shared.some((prefix) => prefixContains(prefix, group)) ? undefined : "not-shared";
}

/** May the address be the source of a forwarded packet to `group`: of its family, unicast, no loopback or link-local? */
export function isForwardableSource(source: Address, group: Address): boolean {
  if (family(source) !== family(group)) return false;
  const words = new Uint32Array(4);
  writeAddressWords(words, 0, source);
  return !isBadSourceWords(words, 0);
}

/** The part of `a` that lies in `b`: prefixes are nested or apart. */
export function prefixIntersection(a: Prefix, b: Prefix): Prefix | undefined {
  const [wide, narrow] = a.length <= b.length ? [a, b] : [b, a];
  return prefixContains(wide, narrow.address) ? narrow : undefined;
}
