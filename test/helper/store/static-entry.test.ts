import { describe, expect, test } from "vitest";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import { addressOrPrefix, parseStaticEntry, type StaticEntry } from "#runtime/store/static-entry.ts";

function parse(group: string, source?: string, toVifs = ["peer-2"]): StaticEntry {
  return parseStaticEntry({ group, source }, { id: "1", fromVif: "lan", toVifs }, scopePolicy());
}

describe("what people ask for", () => {
  test.each([
    ["239.1.2.3", undefined],
    ["239.1.0.0/16", "192.0.2.0/24"],
    ["224.0.0.0/4", undefined], // cut down to what is shared when it is compiled
    ["ff3e::/32", "2001:db8::7"],
  ])("a route for %s from %s", (group, source) => {
    const entry = parse(group, source);
    expect(addressOrPrefix(entry.group)).toBe(group);
    expect(entry.source && addressOrPrefix(entry.source)).toBe(source ?? null);
  });

  test.each([
    ["10.0.0.0/8", undefined, "no range of groups"],
    ["224.0.0.0/3", undefined, "no range of groups"],
    ["239.1.2.3", "2001:db8::7", "different families"],
    ["239.1.2.3", "239.1.2.4", "cannot be the source"],
    ["239.1.2.3", "169.254.1.1", "cannot be the source"],
    ["224.0.0.251", undefined, "stays on its link"],
    ["239.255.255.250", undefined, "stays on its link"],
    ["ff02::fb", undefined, "stays on its link"],
    ["239.1.2.3/33", undefined, "not a prefix"],
  ])("no route for %s from %s: %s", (group, source, reason) => {
    expect(() => parse(group, source)).toThrow(reason);
  });

  test("a join is of one group and one source", () => {
    expect(parse("232.1.2.3", "192.0.2.7", []).toVifs).toEqual([]);
    expect(() => parse("232.1.2.0/24", undefined, [])).toThrow("a join names one group");
    expect(() => parse("232.1.2.3", "192.0.2.0/24", [])).toThrow("a join names one source");
  });
});
