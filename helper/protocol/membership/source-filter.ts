import type { Address } from "#wire/address.ts";

/**
 * What a listener wants of a group (RFC 9776 section 3.1): INCLUDE these sources alone, or EXCLUDE these and
 * take all others. INCLUDE {} means "nothing", EXCLUDE {} "any source".
 */
export interface SourceFilter {
  readonly mode: "include" | "exclude";
  readonly sources: ReadonlySet<Address>;
}

export const NOTHING: SourceFilter = { mode: "include", sources: new Set() };
export const ANY_SOURCE: SourceFilter = { mode: "exclude", sources: new Set() };

export function wantsSource(filter: SourceFilter, source: Address): boolean {
  return filter.sources.has(source) === (filter.mode === "include");
}

export function isNothing(filter: SourceFilter): boolean {
  return filter.mode === "include" && filter.sources.size === 0;
}

/** What both together want (RFC 9776 section 3.2): the union of the two sets of sources. */
export function mergeFilters(a: SourceFilter, b: SourceFilter): SourceFilter {
  if (a.mode === "include" && b.mode === "include")
    return { mode: "include", sources: new Set([...a.sources, ...b.sources]) };
  if (a.mode === "exclude" && b.mode === "exclude")
    return { mode: "exclude", sources: new Set([...a.sources].filter((s) => b.sources.has(s))) };
  const [exclude, include] = a.mode === "exclude" ? [a, b] : [b, a];
  return { mode: "exclude", sources: new Set([...exclude.sources].filter((s) => !include.sources.has(s))) };
}

export function sameFilter(a: SourceFilter, b: SourceFilter): boolean {
  if (a.mode !== b.mode || a.sources.size !== b.sources.size) return false;
  for (const source of a.sources) if (!b.sources.has(source)) return false;
  return true;
}
