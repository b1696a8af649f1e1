import { ANY_SOURCE, type SourceFilter } from "#protocol/membership/source-filter.ts";
import { sameFilter } from "#protocol/membership/source-filter.ts";
import { decodeMembershipEntry, encodeMembershipEntry, MAX_ENTRY_SOURCES } from "#wire/control-membership.ts";
import { TOPIC_MEMBERSHIP } from "#wire/control-state.ts";
import type { Topic } from "./soft-state-topic.ts";

/** Groups of one peer, each way. */
export const MAX_GROUPS = 4_096;

/** What a side of a session wants: the source filter by group. A group that is not there is not wanted. */
export const MEMBERSHIP: Topic<SourceFilter> = {
  id: TOPIC_MEMBERSHIP,
  maxEntries: MAX_GROUPS,
  encode(group, filter) {
    if (!filter) return encodeMembershipEntry({ group, filter: undefined });
    const { mode, sources } = widened(filter);
    return encodeMembershipEntry({ group, filter: { mode, sources: [...sources] } });
  },
  decode(bytes) {
    const { group, filter } = decodeMembershipEntry(bytes);
    return { key: group, value: filter && { mode: filter.mode, sources: new Set(filter.sources) } };
  },
  same: sameFilter,
};

/**
 * A filter that fits in an entry and lets through all that the given one does, and maybe more: what is too much
 * ends at the listener's own filter. (Fewer excluded sources is more traffic; fewer included ones would be loss.)
 */
function widened(filter: SourceFilter): SourceFilter {
  if (filter.sources.size <= MAX_ENTRY_SOURCES) return filter;
  if (filter.mode === "include") return ANY_SOURCE;
  return { mode: "exclude", sources: new Set([...filter.sources].slice(0, MAX_ENTRY_SOURCES)) };
}
