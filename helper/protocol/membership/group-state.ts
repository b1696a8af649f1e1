import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";

/**
 * Router state of one group (RFC 9776 section 6.2). INCLUDE (A): `requested` is A. EXCLUDE (X,Y): `requested` is
 * X, `excluded` is Y. Timers are deadlines in ms; a source in Y has none.
 */
export interface GroupState {
  mode: "include" | "exclude";
  /** Runs in EXCLUDE mode alone. */
  groupTimer: number;
  requested: Map<Address, number>;
  excluded: Set<Address>;
}

export function newGroupState(): GroupState {
  return { mode: "include", groupTimer: 0, requested: new Map(), excluded: new Set() };
}

/** What the group's listeners want together; undefined where the group has none. */
export function filterOf(state: GroupState): SourceFilter | undefined {
  if (state.mode === "exclude") return { mode: "exclude", sources: new Set(state.excluded) };
  return state.requested.size > 0 ? { mode: "include", sources: new Set(state.requested.keys()) } : undefined;
}

/** RFC 9776 sections 6.3 and 6.5: what happens when timers run out. */
export function expire(state: GroupState, now: number): void {
  for (const [source, deadline] of state.requested) {
    if (deadline > now) continue;
    state.requested.delete(source);
    if (state.mode === "exclude") state.excluded.add(source);
  }
  if (state.mode === "exclude" && state.groupTimer <= now) {
    state.mode = "include"; // of the sources whose timers still run; with none the group is gone
    state.excluded = new Set();
  }
}

/** The next deadline; Infinity where none runs. */
export function nextExpiry(state: GroupState): number {
  let next = state.mode === "exclude" ? state.groupTimer : Infinity;
  for (const deadline of state.requested.values()) next = Math.min(next, deadline);
  return next;
}
