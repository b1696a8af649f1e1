import type { Address } from "#wire/address.ts";
import type { RecordType } from "#wire/membership-message.ts";
import type { GroupState } from "./group-state.ts";

/** The "Send Q(G)" and "Send Q(G,sources)" of the action tables. */
export interface QueriesWanted {
  readonly group: boolean;
  readonly sources: readonly Address[];
}

const NO_QUERIES: QueriesWanted = { group: false, sources: [] };

/**
 * The action tables of RFC 9776 section 6.4 (RFC 9777 section 7.4), on `state`. `gmi` is the deadline that a
 * timer set to the Group Membership Interval gets: now + GMI. The comments are the tables' rows.
 */
export function applyRecord(
  state: GroupState,
  type: RecordType,
  sources: ReadonlySet<Address>,
  gmi: number,
): QueriesWanted {
  return state.mode === "include"
    ? inInclude(state, type, sources, gmi)
    : inExclude(state, type, sources, gmi);
}

/** INCLUDE (A), record of B. */
function inInclude(state: GroupState, type: RecordType, b: ReadonlySet<Address>, gmi: number): QueriesWanted {
  const a = new Set(state.requested.keys());
  switch (type) {
    // IS_IN (B), ALLOW (B) | INCLUDE (A+B) | (B)=GMI
    case "is-include":
    case "allow":
      request(state, b, gmi);
      return NO_QUERIES;

    // BLOCK (B) | INCLUDE (A) | Send Q(G,A*B)
    case "block":
      return { group: false, sources: intersection(a, b) };

    // TO_IN (B) | INCLUDE (A+B) | (B)=GMI, Send Q(G,A-B)
    case "to-include":
      request(state, b, gmi);
      return { group: false, sources: difference(a, b) };

    // IS_EX (B) | EXCLUDE (A*B,B-A) | (B-A)=0, Delete (A-B), Group Timer=GMI
    // TO_EX (B) | the same          | and Send Q(G,A*B)
    case "is-exclude":
    case "to-exclude":
      state.mode = "exclude";
      state.groupTimer = gmi;
      for (const source of difference(a, b)) state.requested.delete(source);
      state.excluded = new Set(difference(b, a));
      return type === "to-exclude" ? { group: false, sources: intersection(a, b) } : NO_QUERIES;
  }
}

/** EXCLUDE (X,Y), record of A. */
function inExclude(state: GroupState, type: RecordType, a: ReadonlySet<Address>, gmi: number): QueriesWanted {
  const x = new Set(state.requested.keys());
  const y = state.excluded;
  switch (type) {
    // IS_IN (A), ALLOW (A) | EXCLUDE (X+A,Y-A) | (A)=GMI
    case "is-include":
    case "allow":
      request(state, a, gmi);
      return NO_QUERIES;

    // TO_IN (A) | EXCLUDE (X+A,Y-A) | (A)=GMI, Send Q(G,X-A), Send Q(G)
    case "to-include":
      request(state, a, gmi);
      return { group: true, sources: difference(x, a) };

    // BLOCK (A) | EXCLUDE (X+(A-Y),Y) | (A-X-Y)=Group Timer, Send Q(G,A-Y)
    case "block": {
      for (const source of a)
        if (!x.has(source) && !y.has(source)) state.requested.set(source, state.groupTimer);
      return { group: false, sources: difference(a, y) };
    }

    // IS_EX (A) | EXCLUDE (A-Y,Y*A) | (A-X-Y)=GMI,         Delete (X-A), Delete (Y-A), Group Timer=GMI
    // TO_EX (A) | EXCLUDE (A-Y,Y*A) | (A-X-Y)=Group Timer, the same, and Send Q(G,A-Y)
    case "is-exclude":
    case "to-exclude": {
      const fresh = type === "is-exclude" ? gmi : state.groupTimer;
      const wanted = difference(a, y);
      state.requested = new Map(wanted.map((source) => [source, state.requested.get(source) ?? fresh]));
      state.excluded = new Set(intersection(y, a));
      state.groupTimer = gmi;
      return type === "to-exclude" ? { group: false, sources: wanted } : NO_QUERIES;
    }
  }
}

/** Moves sources to `requested` (A or X), out of Y, with new timers. */
function request(state: GroupState, sources: Iterable<Address>, deadline: number): void {
  for (const source of sources) {
    state.requested.set(source, deadline);
    state.excluded.delete(source);
  }
}

function intersection(a: ReadonlySet<Address>, b: ReadonlySet<Address>): Address[] {
  return [...a].filter((source) => b.has(source));
}

function difference(a: ReadonlySet<Address>, b: ReadonlySet<Address>): Address[] {
  return [...a].filter((source) => !b.has(source));
}
