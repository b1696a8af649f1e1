import type { Address } from "#wire/address.ts";
import type { MembershipVersion } from "#wire/membership-message.ts";
import type { Group } from "./group.ts";
import type { QuerierDrops } from "./querier-drops.ts";
import type { QuerierElection } from "./querier-election.ts";

/** Plain data, fit for JSON. Times are ms that are left. */
export interface QuerierDump {
  readonly role: "querier" | "listener" | "no-address";
  readonly querier: {
    readonly address: Address | undefined;
    readonly version: MembershipVersion;
    readonly robustness: number;
    readonly queryIntervalMs: number;
    /** Until another router counts as gone; undefined where we ask ourselves. */
    readonly expiresInMs: number | undefined;
  };
  readonly groups: readonly QuerierGroupDump[];
  readonly drops: QuerierDrops;
}

export interface QuerierGroupDump {
  readonly group: Address;
  readonly mode: "include" | "exclude";
  /** Compatibility mode. */
  readonly version: MembershipVersion;
  readonly expiresInMs: number | undefined; // the group timer, in EXCLUDE mode
  readonly requested: readonly { readonly source: Address; readonly expiresInMs: number }[];
  readonly excluded: readonly Address[];
}

export function querierDump(
  groups: Iterable<Group>,
  election: QuerierElection,
  ownAddress: Address | undefined,
  drops: QuerierDrops,
  now: number,
): QuerierDump {
  const { other, timing } = election;
  return {
    role: other ? "listener" : ownAddress === undefined ? "no-address" : "querier",
    querier: {
      address: other?.address ?? ownAddress,
      version: other?.version ?? 3,
      robustness: timing.robustness,
      queryIntervalMs: timing.queryIntervalMs,
      expiresInMs: other && other.expiresAt - now,
    },
    groups: Array.from(groups, (group) => groupDump(group, now)),
    drops,
  };
}

function groupDump(group: Group, now: number): QuerierGroupDump {
  const { address, state } = group;
  return {
    group: address,
    mode: state.mode,
    version: group.version(now),
    expiresInMs: state.mode === "exclude" ? state.groupTimer - now : undefined,
    requested: Array.from(state.requested, ([source, deadline]) => ({ source, expiresInMs: deadline - now })),
    excluded: [...state.excluded],
  };
}
