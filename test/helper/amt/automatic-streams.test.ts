import { describe, expect, test } from "vitest";
import { automaticStreams } from "#protocol/amt/automatic-streams.ts";
import { isInternetGroup, isInternetSource, isSourceSpecific } from "#protocol/amt/internet-source.ts";
import { ANY_SOURCE, type SourceFilter } from "#protocol/membership/source-filter.ts";

const from = (...sources: string[]): SourceFilter => ({ mode: "include", sources: new Set(sources) });
const RULES = { isElsewhere: () => true, hasRelays: false, most: 100 };

test.each([
  ["198.51.100.7", true],
  ["8.8.8.8", true],
  ["2001:db8::7", true],
  ["10.1.2.3", false],
  ["172.16.0.1", false],
  ["172.32.0.1", true],
  ["192.168.1.1", false],
  ["100.64.0.1", false],
  ["100.128.0.1", true],
  ["169.254.0.1", false],
  ["127.0.0.1", false],
  ["198.18.0.1", false],
  ["240.0.0.1", false],
  ["fe80::1", false],
  ["fd00::1", false],
  ["::1", false],
])("%s could be somebody's on the Internet: %s", (source, expected) => {
  expect(isInternetSource(source)).toBe(expected);
});

test.each([
  ["232.1.1.1", true, true],
  ["233.252.0.1", true, false],
  ["239.1.1.1", false, false],
  ["ff3e::8000:1", true, true],
  ["ff3e:40:2001:db8::1", true, false], // RFC 3306: with a prefix in it
  ["ff1e::1", true, false],
  ["ff35::8000:1", false, true],
  ["ff08::1", false, false],
  ["192.0.2.1", false, false],
])("group %s is the Internet's: %s, source-specific: %s", (group, internet, specific) => {
  expect(isInternetGroup(group)).toBe(internet);
  expect(isSourceSpecific(group)).toBe(specific);
});

describe("fetched unasked", () => {
  test("are sources of the Internet's that are named, and on no network of ours", () => {
    const wanted = new Map([
      ["232.1.1.1", from("198.51.100.7", "10.0.0.1", "203.0.113.5")],
      ["ff3e::8000:1", from("2001:db8::7", "fd00::7")],
      ["239.1.1.1", from("198.51.100.7")],
      ["233.252.0.1", ANY_SOURCE],
    ]);
    const isElsewhere = (source: string): boolean => source !== "203.0.113.5";
    expect(automaticStreams(wanted, { ...RULES, isElsewhere })).toEqual([
      { source: "198.51.100.7", group: "232.1.1.1" },
      { source: "2001:db8::7", group: "ff3e::8000:1" },
    ]);
  });

  test("is any source where somebody named relays, but in the source-specific ranges", () => {
    const wanted = new Map<string, SourceFilter>([
      ["233.252.0.1", { mode: "exclude", sources: new Set(["198.51.100.7"]) }],
      ["232.1.1.1", ANY_SOURCE],
      ["239.1.1.1", ANY_SOURCE],
    ]);
    expect(automaticStreams(wanted, { ...RULES, hasRelays: true })).toEqual([
      { source: undefined, group: "233.252.0.1" },
    ]);
  });

  test("are so many at most", () => {
    const sources = Array.from({ length: 200 }, (_, i) => `198.51.100.${i}`);
    expect(automaticStreams(new Map([["232.1.1.1", from(...sources)]]), RULES)).toHaveLength(100);
  });
});
