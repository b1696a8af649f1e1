// Source filters to the records of a report: all that is wanted, and the step from one filter to the next.
import { isNothing, NOTHING, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import type { GroupRecord } from "#wire/membership-message.ts";

export type Wanted = ReadonlyMap<Address, SourceFilter>;

/** The answer to a general query (RFC 9776 section 5.2). */
export function currentStateRecords(wanted: Wanted): GroupRecord[] {
  return [...wanted]
    .filter(([, filter]) => !isNothing(filter))
    .map(([group, { mode, sources }]) => ({
      type: mode === "include" ? "is-include" : "is-exclude",
      group,
      sources: [...sources],
    }));
}

/** What an interface reports when its filter for a group changes (RFC 9776 section 5.1); none where it does not. */
export function stateChangeRecords(
  group: Address,
  before: SourceFilter = NOTHING,
  after: SourceFilter = NOTHING,
): GroupRecord[] {
  if (before.mode !== after.mode)
    return [
      {
        type: after.mode === "include" ? "to-include" : "to-exclude",
        group,
        sources: [...after.sources],
      },
    ];
  const added = [...after.sources].filter((source) => !before.sources.has(source));
  const removed = [...before.sources].filter((source) => !after.sources.has(source));
  // In EXCLUDE mode a source that is listed is one that is not wanted.
  const [allowed, blocked] = after.mode === "include" ? [added, removed] : [removed, added];
  return [
    ...(allowed.length > 0 ? [{ type: "allow", group, sources: allowed } as const] : []),
    ...(blocked.length > 0 ? [{ type: "block", group, sources: blocked } as const] : []),
  ];
}
