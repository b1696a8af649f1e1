import { family, type Address, type Family } from "#wire/address.ts";

export interface QuerierOptions {
  readonly family: Family;
  /** What our queries come from (MLD: a link-local address). Without one we listen and do not query. */
  readonly ownAddress: Address | undefined;
  readonly robustness: number;
  readonly queryIntervalMs: number;
  readonly queryResponseMs: number;
  readonly lastMemberQueryMs: number;
  readonly lastMemberQueryCount: number;
  /** Max response time of the queries sent at start: short, so that a restarted daemon learns soon. */
  readonly startupQueryResponseMs: number;
  /** One host alone listens here: what it says is done at once, without asking whether others still want it. */
  readonly fastLeave: boolean;
  readonly maxGroups: number;
  readonly maxSourcesPerGroup: number;
}

/** RFC 9776 section 8 and RFC 9777 section 9; the last three are ours. */
export const QUERIER_DEFAULTS = {
  robustness: 2,
  queryIntervalMs: 125_000,
  queryResponseMs: 10_000,
  lastMemberQueryMs: 1_000,
  lastMemberQueryCount: 2,
  startupQueryResponseMs: 100,
  maxGroups: 1024,
  maxSourcesPerGroup: 64,
} as const;

/** RFC 9776 section 8.6: Startup Query Interval is a quarter of the query interval. */
export const STARTUP_INTERVAL_DIVISOR = 4;

export function allSystems(of: Family): Address {
  return of === 4 ? "224.0.0.1" : "ff02::1";
}

/** The values that the elected querier and its listeners must agree on. */
export interface QuerierTiming {
  readonly robustness: number;
  readonly queryIntervalMs: number;
  readonly queryResponseMs: number;
}

/** Group Membership Interval, RFC 9776 section 8.4; the Older Host Present Interval (8.13) is the same. */
export function groupMembershipMs(timing: QuerierTiming): number {
  return timing.robustness * timing.queryIntervalMs + timing.queryResponseMs;
}

/** Other Querier Present Interval, RFC 9776 section 8.5. */
export function otherQuerierPresentMs(timing: QuerierTiming): number {
  return timing.robustness * timing.queryIntervalMs + timing.queryResponseMs / 2;
}

/** Node- and link-local groups: every router has them, none forwards them (RFC 9776 section 6.1 leaves them out). */
export function isLinkLocalGroup(group: Address): boolean {
  if (family(group) === 4) return group.startsWith("224.0.0.");
  // ffXY: the fourth digit is the scope (RFC 4291 section 2.7), 0 to 2 do not leave the link.
  return /^ff[0-9a-f][0-2](:|$)/.test(group);
}
