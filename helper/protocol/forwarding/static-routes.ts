import { family, isMulticast, parsePrefix, prefixText, type Prefix } from "#wire/address.ts";
import { mappedLength, writeAddressWords } from "./address-words.ts";
import {
  EXIT_LOCAL,
  EXIT_WIRE,
  PREFIX_ANY_VIF,
  PREFIX_DENY,
  PREFIX_EGRESS,
  PREFIX_GROUP,
  PREFIX_GROUP_LENGTH,
  PREFIX_SOURCE,
  PREFIX_SOURCE_LENGTH,
  PREFIX_VIF,
  PREFIX_WORDS,
  egressKind,
  egressWord,
  type VifId,
} from "./route-table.ts";
import { prefixIntersection, type ScopePolicy } from "./scope.ts";
import type { Vifs } from "./vifs.ts";

/** smcroute's mroute: forced egress, with or without listeners there. */
export interface StaticRoute {
  readonly inVif: VifId | "any";
  readonly group: Prefix; // a single group is a prefix of full length
  readonly source: Prefix | undefined; // undefined: any
  readonly outVifs: readonly VifId[];
}

export function staticRouteKey(route: Omit<StaticRoute, "outVifs">): string {
  return `${route.inVif} ${route.source ? prefixText(route.source) : "*"} ${prefixText(route.group)}`;
}

export interface CompiledStaticRoutes {
  readonly prefixes: Uint32Array<ArrayBuffer>;
  /** To be appended to the table's egress words at the `egressBase` given. */
  readonly egress: readonly number[];
}

const ALL_GROUPS: readonly Prefix[] = [parsePrefix("224.0.0.0/4"), parsePrefix("ff00::/8")];

/**
 * Each route is cut down to the shared ranges; the exceptions come first and deny. The ways towards a proxy's upstream
 * are among them.
 */
export function compileStaticRoutes(
  routes: Iterable<StaticRoute>,
  scope: ScopePolicy,
  vifs: Vifs,
  egressBase: number,
): CompiledStaticRoutes {
  const prefixes: number[] = [];
  const egress: number[] = [];
  for (const { inVif, outVifs } of vifs.upstreamRoutes()) {
    for (const all of ALL_GROUPS) pushEntry(prefixes, inVif, all, undefined, egressBase + egress.length);
    egress.push(outVifs.length, ...outVifs.map((id) => exitWord(id, vifs)));
  }
  for (const route of routes) {
    const words = route.outVifs.map((id) => exitWord(id, vifs)).sort((a, b) => egressKind(b) - egressKind(a));
    const parts = scope.shared.map((shared) => prefixIntersection(route.group, shared));
    for (const part of new Map(parts.flatMap((part) => (part ? [[prefixText(part), part]] : []))).values())
      pushEntry(prefixes, route.inVif, part, route.source, egressBase + egress.length);
    egress.push(words.length, ...words);
  }
  if (prefixes.length === 0) return { prefixes: new Uint32Array(0), egress: [] };
  const denied: number[] = [];
  for (const prefix of scope.except) pushEntry(denied, "any", prefix, undefined, PREFIX_DENY);
  return { prefixes: Uint32Array.from([...denied, ...prefixes]), egress };
}

/** Out of the TUN is to this computer's own sockets. */
function exitWord(id: VifId, vifs: Vifs): number {
  return egressWord(id, vifs.get(id).vifClass.kind === "tun" ? EXIT_LOCAL : EXIT_WIRE);
}

function pushEntry(
  to: number[],
  inVif: VifId | "any",
  group: Prefix,
  source: Prefix | undefined,
  egress: number,
): void {
  const words = new Uint32Array(PREFIX_WORDS);
  words[PREFIX_VIF] = inVif === "any" ? PREFIX_ANY_VIF : inVif;
  words[PREFIX_GROUP_LENGTH] = mappedLength(group);
  writeAddressWords(words, PREFIX_GROUP, group.address);
  if (source) {
    words[PREFIX_SOURCE_LENGTH] = mappedLength(source);
    writeAddressWords(words, PREFIX_SOURCE, source.address);
  }
  words[PREFIX_EGRESS] = egress;
  to.push(...words);
}

/** Throws where a range is none of multicast, or source and group are of different families. */
export function checkStaticRoute(route: StaticRoute): void {
  const { group, source } = route;
  const least = family(group.address) === 6 ? 8 : 4;
  if (!isMulticast(group.address) || group.length < least)
    throw new RangeError(`${prefixText(group)} is no range of groups`);
  if (source && family(source.address) !== family(group.address))
    throw new RangeError(`${prefixText(source)} and ${prefixText(group)} are of different families`);
}
