// What programs of this computer have joined on an interface, from what the kernel shows, without our own joins.
import { readFileSync } from "node:fs";
import type { GroupFilter, LocalMemberships } from "#ports/memberships.ts";
import { family } from "#wire/address.ts";
import type { Address } from "#wire/address.ts";
import { parseMemberships } from "./membership-files.ts";
import type { MembershipCounts, MembershipFiles } from "./membership-files.ts";

/** Our own sockets' filters for a group on an interface: one for each socket that has joined it. */
export interface OwnJoins {
  held(interfaceIndex: number): ReadonlyMap<Address, readonly GroupFilter[]>;
}

export function localMemberships(own: OwnJoins): LocalMemberships {
  return {
    read: (interfaceIndex) =>
      filtersOfOthers(parseMemberships(readFiles(), interfaceIndex), own.held(interfaceIndex)),
  };
}

/** Of this thread's network namespace. Without IPv6 in the kernel two of them are missing. */
function readFiles(): MembershipFiles {
  const read = (name: string): string => {
    try {
      return readFileSync(`/proc/thread-self/net/${name}`, "latin1");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw error;
    }
  };
  return {
    igmp: read("igmp"),
    mcfilter: read("mcfilter"),
    igmp6: read("igmp6"),
    mcfilter6: read("mcfilter6"),
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
