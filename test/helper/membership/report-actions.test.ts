import { describe, expect, test } from "vitest";
import { applyRecord } from "#protocol/membership/report-actions.ts";
import { applySingleHostRecord } from "#protocol/membership/single-host-actions.ts";
import type { GroupState } from "#protocol/membership/group-state.ts";
import type { RecordType } from "#wire/membership-message.ts";

// Every row of RFC 9776 section 6.4, on sets that overlap in every way. Sources are single letters; in a state
// "a:old" is a source with its timer. old: the deadline it had, gmi: now + GMI, group: what the group timer was.

const OLD = 50_000;
const GROUP_TIMER = 90_000;
const GMI = 260_000;
const names: Record<string, number> = { old: OLD, group: GROUP_TIMER, gmi: GMI };

const words = (text: string): string[] => text.split(" ").filter(Boolean);
const timers = (text: string): Map<string, number> =>
  new Map(words(text).map((word) => [word.split(":")[0]!, names[word.split(":")[1]!]!]));

const include = (a: string): GroupState => ({
  mode: "include",
  groupTimer: 0,
  requested: timers(a),
  excluded: new Set(),
});
const exclude = (x: string, y: string, groupTimer = GROUP_TIMER): GroupState => ({
  mode: "exclude",
  groupTimer,
  requested: timers(x),
  excluded: new Set(words(y)),
});

interface Row {
  readonly state: GroupState;
  readonly type: RecordType;
  readonly sources: string;
  readonly after: GroupState;
  readonly queryGroup?: boolean;
  readonly querySources?: string;
}

const A = "p:old q:old"; // INCLUDE (A), record of B = q r
const X = "p:old q:old"; // EXCLUDE (X,Y), record of A = q s u
const Y = "s t";

const rows: Row[] = [
  { state: include(A), type: "is-include", sources: "q r", after: include("p:old q:gmi r:gmi") },
  { state: include(A), type: "is-exclude", sources: "q r", after: exclude("q:old", "r", GMI) },
  { state: include(A), type: "allow", sources: "q r", after: include("p:old q:gmi r:gmi") },
  { state: include(A), type: "block", sources: "q r", after: include(A), querySources: "q" },
  {
    state: include(A),
    type: "to-exclude",
    sources: "q r",
    after: exclude("q:old", "r", GMI),
    querySources: "q",
  },
  {
    state: include(A),
    type: "to-include",
    sources: "q r",
    after: include("p:old q:gmi r:gmi"),
    querySources: "p",
  },
  {
    state: exclude(X, Y),
    type: "is-include",
    sources: "q s u",
    after: exclude("p:old q:gmi s:gmi u:gmi", "t"),
  },
  { state: exclude(X, Y), type: "is-exclude", sources: "q s u", after: exclude("q:old u:gmi", "s", GMI) },
  { state: exclude(X, Y), type: "allow", sources: "q s u", after: exclude("p:old q:gmi s:gmi u:gmi", "t") },
  {
    state: exclude(X, Y),
    type: "block",
    sources: "q s u",
    after: exclude("p:old q:old u:group", "s t"),
    querySources: "q u",
  },
  {
    state: exclude(X, Y),
    type: "to-exclude",
    sources: "q s u",
    after: exclude("q:old u:group", "s", GMI),
    querySources: "q u",
  },
  {
    state: exclude(X, Y),
    type: "to-include",
    sources: "q s u",
    after: exclude("p:old q:gmi s:gmi u:gmi", "t"),
    queryGroup: true,
    querySources: "p",
  },
  { state: include(""), type: "is-exclude", sources: "", after: exclude("", "", GMI) },
  { state: exclude("", ""), type: "to-include", sources: "", after: exclude("", ""), queryGroup: true },
];

const letters = (sources: Iterable<string>): string => [...sources].sort().join(" ");
const text = (state: GroupState): string =>
  `${state.mode}(${letters(state.requested.keys())} / ${letters(state.excluded)})`;

describe("action tables, section 6.4", () => {
  test.each(rows.map((row) => [`${text(row.state)} ${row.type}(${row.sources})`, row] as const))(
    "%s",
    (_, { state, type, sources, after, queryGroup = false, querySources = "" }) => {
      const changed = structuredClone(state);
      const queries = applyRecord(changed, type, new Set(words(sources)), GMI);
      expect(changed).toEqual(after);
      expect(queries.group).toBe(queryGroup);
      expect(letters(queries.sources)).toBe(querySources);
    },
  );
});

describe("one host alone: at once", () => {
  const single: [GroupState, RecordType, string, GroupState][] = [
    [include("p:old"), "is-include", "q", include("p:old q:gmi")],
    [include("p:old"), "allow", "q", include("p:old q:gmi")],
    [include("p:old q:old"), "block", "q", include("p:old")],
    [include("p:old"), "to-include", "q", include("p:old q:gmi")], // the second part of a long list
    [include("p:old"), "to-include", "", include("")],
    [include("p:old"), "to-exclude", "q", exclude("", "q", GMI)],
    [include("p:old"), "is-exclude", "p q", exclude("", "p q", GMI)],
    [exclude("", "s"), "to-exclude", "", exclude("", "", GMI)],
    [exclude("", "s t"), "allow", "s", exclude("", "t")],
    [exclude("", "s"), "block", "u", exclude("", "s u")],
    [exclude("", "s"), "is-include", "u", exclude("", "s")],
  ];
  test.each(single.map((row) => [`${text(row[0])} ${row[1]}(${row[2]})`, row] as const))(
    "%s",
    (_, [state, type, sources, after]) => {
      const changed = structuredClone(state);
      applySingleHostRecord(changed, type, new Set(words(sources)), GMI);
      expect(changed).toEqual(after);
    },
  );

  test.each(["", "q"])("a leave from EXCLUDE to INCLUDE (%s)", (sources) => {
    const state = exclude("", "s");
    applySingleHostRecord(state, "to-include", new Set(words(sources)), GMI);
    expect(state.mode).toBe("include");
    expect(letters(state.requested.keys())).toBe(sources);
    expect(state.excluded.size).toBe(0);
  });
});
