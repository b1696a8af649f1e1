import { describe, expect, test } from "vitest";
import { parseMemberships } from "#edge/linux/membership-files.ts";
import { filtersOfOthers } from "#edge/linux/memberships.ts";
import type { GroupFilter } from "#ports/memberships.ts";
import { MEMBERSHIP_FILES } from "./proc-files.ts";

test("the kernel's four files", () => {
  expect(parseMemberships(MEMBERSHIP_FILES, 2)).toEqual(
    new Map([
      ["239.1.2.1", { users: 3, sources: new Map([["198.51.100.9", { include: 0, exclude: 2 }]]) }],
      ["232.1.2.3", { users: 2, sources: new Map([["198.51.100.9", { include: 2, exclude: 0 }]]) }],
      ["224.0.0.1", { users: 1, sources: new Map() }],
      ["ff1e::1234", { users: 1, sources: new Map([["2001:db8::9", { include: 1, exclude: 0 }]]) }],
    ]),
  );
  expect([...parseMemberships(MEMBERSHIP_FILES, 1).keys()]).toEqual(["224.0.0.1", "ff02::1"]);
  expect(parseMemberships(MEMBERSHIP_FILES, 9).size).toBe(0);
  expect(parseMemberships({ igmp: "", igmp6: "", mcfilter: "", mcfilter6: "" }, 2).size).toBe(0);
});

describe("what the others' filter is", () => {
  const include = (...sources: string[]): GroupFilter => ({ mode: "include", sources: new Set(sources) });
  const exclude = (...sources: string[]): GroupFilter => ({ mode: "exclude", sources: new Set(sources) });
  type Rows = Record<string, [number, number]>;
  const filter = (
    group: string,
    users: number,
    rows: Rows,
    own: GroupFilter[] = [],
  ): GroupFilter | undefined => {
    const sources = new Map(Object.entries(rows).map(([s, [i, e]]) => [s, { include: i, exclude: e }]));
    return filtersOfOthers(new Map([[group, { users, sources }]]), new Map([[group, own]])).get(group);
  };
  test.each<[string, string, number, Rows, GroupFilter[], GroupFilter | undefined]>([
    ["an any-source join", "239.1.1.1", 1, {}, [], exclude()],
    ["a source-specific join", "232.1.1.1", 1, { a: [1, 0] }, [], include("a")],
    ["one socket with two sources", "239.1.1.1", 1, { a: [1, 0], b: [1, 0] }, [], include("a", "b")],
    ["any-source beside source-specific", "239.1.1.1", 2, { a: [1, 0] }, [], exclude()],
    [
      "two sockets, two sources: could be any-source, and so is",
      "239.1.1.1",
      2,
      { a: [1, 0], b: [1, 0] },
      [],
      exclude(),
    ],
    [
      "the same in the source-specific range",
      "232.1.1.1",
      2,
      { a: [1, 0], b: [1, 0] },
      [],
      include("a", "b"),
    ],
    ["the same for IPv6", "ff3e::1", 2, { a: [1, 0], b: [1, 0] }, [], include("a", "b")],
    ["excluded by the only socket", "239.1.1.1", 1, { a: [0, 1] }, [], exclude("a")],
    ["excluded by one of two", "239.1.1.1", 2, { a: [0, 1] }, [], exclude()],
    ["excluded by one, included by the other", "239.1.1.1", 2, { a: [1, 1] }, [], exclude()],
    ["ours alone, any source", "239.1.1.1", 1, {}, [exclude()], undefined],
    ["ours alone, with sources", "232.1.1.1", 1, { a: [1, 0] }, [include("a")], undefined],
    [
      "ours with a beside theirs with b",
      "232.1.1.1",
      2,
      { a: [1, 0], b: [1, 0] },
      [include("a")],
      include("b"),
    ],
    ["ours any-source beside theirs with a", "239.1.1.1", 2, { a: [1, 0] }, [exclude()], include("a")],
    [
      "ours on two sockets beside theirs any-source",
      "239.1.1.1",
      3,
      { a: [1, 0], b: [1, 0] },
      [include("a"), include("b")],
      exclude(),
    ],
  ])("%s", (_what, group, users, rows, own, expected) => {
    expect(filter(group, users, rows, own)).toEqual(expected);
  });
});
