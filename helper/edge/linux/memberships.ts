// What programs of this computer have joined on an interface, from what the kernel shows, without our own joins.
import type { GroupFilter, LocalMemberships } from "#ports/memberships.ts";
import { family } from "#wire/address.ts";
import type { Address } from "#wire/address.ts";
import { FilterListing } from "./filter-listing.ts";
import { parseMemberships } from "./membership-files.ts";
import type { MembershipCounts } from "./membership-files.ts";
import { ProcFile } from "./proc-file.ts";

/** Our own sockets' filters for a group on an interface: one for each socket that has joined it. */
export interface OwnJoins {
  held(interfaceIndex: number): ReadonlyMap<Address, readonly GroupFilter[]>;
  /** Another number after each change. */
  readonly changes: number;
}

/** For where we join nothing ourselves. */
export const NO_JOINS: OwnJoins = { held: () => new Map(), changes: 0 };

/** One for the process: who reads next finds it there. */
const listing = new FilterListing();

/** Of the calling thread's network namespace. Nothing is parsed or made anew while nothing changes. */
export function localMemberships(own: OwnJoins): LocalMemberships {
  const [igmp, mcfilter, igmp6, mcfilter6] = ["igmp", "mcfilter", "igmp6", "mcfilter6"].map(
    (name) => new ProcFile(`/proc/thread-self/net/${name}`), // without IPv6 in the kernel two of them are missing
  ) as [ProcFile, ProcFile, ProcFile, ProcFile];
  const known = new Map<number, Map<Address, GroupFilter>>(); // by interface
  let ownChanges = own.changes;
  return {
    read: (interfaceIndex) => {
      let changed = own.changes !== ownChanges;
      ownChanges = own.changes;
      for (const file of [igmp, mcfilter, igmp6, mcfilter6]) if (file.refresh()) changed = true;
      if (listing.complete([mcfilter.text, mcfilter6.text]))
        for (const file of [mcfilter, mcfilter6]) if (file.refresh()) changed = true;
      if (changed) known.clear();
      let filters = known.get(interfaceIndex);
      if (!filters) {
        const texts = {
          igmp: igmp.text,
          mcfilter: mcfilter.text,
          igmp6: igmp6.text,
          mcfilter6: mcfilter6.text,
        };
        filters = filtersOfOthers(parseMemberships(texts, interfaceIndex), own.held(interfaceIndex));
        known.set(interfaceIndex, filters);
      }
      return filters;
    },
  };
}

export function filtersOfOthers(
  groups: ReadonlyMap<Address, MembershipCounts>,
  own: ReadonlyMap<Address, readonly GroupFilter[]>,
): Map<Address, GroupFilter> {
  const filters = new Map<Address, GroupFilter>();
  for (const [group, counts] of groups) {
    const filter = filterOf(group, without(counts, own.get(group) ?? []));
    if (filter) filters.set(group, filter);
  }
  return filters;
}

function without(counts: MembershipCounts, own: readonly GroupFilter[]): MembershipCounts {
  const sources = new Map([...counts.sources].map(([source, both]) => [source, { ...both }]));
  for (const { mode, sources: listed } of own)
    for (const source of listed) {
      const both = sources.get(source);
      if (both) both[mode]--;
    }
  return { users: counts.users - own.length, sources };
}

/**
 * The kernel counts sockets and, by source, those that include or exclude it, but not how many sockets are in which
 * mode. Where the counts allow both readings, the wider one is taken: it costs bandwidth, the narrower one would
 * cost somebody his stream. In the source-specific ranges there is nothing but INCLUDE (RFC 4607 section 4).
 */
function filterOf(group: Address, { users, sources }: MembershipCounts): GroupFilter | undefined {
  if (users <= 0) return undefined;
  const rows = [...sources];
  const included = rows.filter(([, both]) => both.include > 0);
  const most = Math.max(0, ...included.map(([, both]) => both.include));
  const excluding = rows.some(([, both]) => both.exclude > 0);
  if (!excluding && (most >= users || (included.length > 0 && isSourceSpecific(group))))
    return { mode: "include", sources: new Set(included.map(([source]) => source)) };
  // A source is shut out only where every socket that excludes anything excludes it, and none includes it.
  const shut = rows.filter(
    ([, both]) => both.include <= 0 && both.exclude >= users - most && both.exclude > 0,
  );
  return { mode: "exclude", sources: new Set(shut.map(([source]) => source)) };
}

/** 232.0.0.0/8, ff3x::/32 (RFC 4607 section 1). */
function isSourceSpecific(group: Address): boolean {
  return family(group) === 4 ? group.startsWith("232.") : /^ff3[0-9a-f]:(:|0:)/.test(group);
}
