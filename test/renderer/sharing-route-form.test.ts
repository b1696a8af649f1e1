import { describe, expect, test } from "vitest";
import { type RouteForm, routeFaults, routeParams } from "#renderer/screens/sharing/route-form.ts";

const GOOD: RouteForm = { group: "239.1.2.3", source: "", fromVif: "eth0", toVifs: [] };
const NO_FAULT = { group: null, source: null, fromVif: null, toVifs: null };

test.each([
  ["239.1.2.3", ""],
  [" 224.0.0.0/4 ", " "],
  ["ff15::1", "2001:db8::7"],
  ["ff3e::/16", ""],
  ["232.1.1.1", "192.168.1.20"],
  ["ff05::1:3", "2001:db8:0:0:0:0:192.0.2.1"],
])("a group %j of the source %j can be asked for", (group, source) => {
  expect(routeFaults({ ...GOOD, group, source })).toEqual(NO_FAULT);
});

describe("what is wrong is said beside its field", () => {
  test.each([
    ["", "missing"],
    ["   ", "missing"],
    ["239.1.2", "not-an-address"],
    ["239.1.2.300", "not-an-address"],
    ["239.1.2.03", "not-an-address"],
    ["239.1.2.3/33", "not-an-address"],
    ["239.1.2.3/8/8", "not-an-address"],
    ["ff15::1::2", "not-an-address"],
    ["ff15::1/129", "not-an-address"],
    ["ff15::1]", "not-an-address"],
    ["example.org", "not-an-address"],
    ["<img src=x>", "not-an-address"],
    ["192.168.1.1", "not-a-group"],
    ["240.0.0.1", "not-a-group"],
    ["2001:db8::1", "not-a-group"],
  ])("group %j: %s", (group, fault) => {
    expect(routeFaults({ ...GOOD, group })).toEqual({ ...NO_FAULT, group: fault });
  });

  test.each([
    ["nonsense", "not-an-address"],
    ["2001:db8::1", "other-family"],
  ])("source %j: %s", (source, fault) => {
    expect(routeFaults({ ...GOOD, source })).toEqual({ ...NO_FAULT, source: fault });
  });

  test("interfaces: one is needed, and a route does not lead back", () => {
    expect(routeFaults({ ...GOOD, fromVif: "" })).toMatchObject({ fromVif: "missing", toVifs: null });
    expect(routeFaults({ ...GOOD, toVifs: ["castaway0", "eth0"] })).toMatchObject({ toVifs: "same" });
  });
});

test("what is sent has no blanks, and no source where none is meant", () => {
  expect(routeParams({ ...GOOD, group: " 239.1.2.3 " })).toEqual({
    group: "239.1.2.3",
    fromVif: "eth0",
    toVifs: [],
  });
  expect(routeParams({ ...GOOD, source: " 192.0.2.1", toVifs: ["castaway0"] })).toMatchObject({
    source: "192.0.2.1",
    toVifs: ["castaway0"],
  });
});
