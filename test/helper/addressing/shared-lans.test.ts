import { describe, expect, test } from "vitest";
import { prefixesOverlap } from "#protocol/addressing/prefixes.ts";
import { acceptLans, isLanPrefix, lanWays, networkOf, offerLans } from "#protocol/addressing/shared-lans.ts";
import { parsePrefix, prefixText, type Prefix } from "#wire/address.ts";
import type { SharedLan } from "#wire/control-network.ts";

const KEY = new Uint8Array(32).fill(7);
const PLAN = { prefix6: parsePrefix("fd12:3456:789a::/48"), prefix4: parsePrefix("100.70.0.0/22") };
const lan = (prefix: string, mapped?: string): SharedLan => ({
  prefix: parsePrefix(prefix),
  mapped: mapped === undefined ? undefined : parsePrefix(mapped),
});
const texts = (lans: readonly SharedLan[]) =>
  lans.map(({ prefix, mapped }) => [prefixText(prefix), mapped ? prefixText(mapped) : undefined]);

test("the network of an address", () => {
  expect(networkOf("192.168.1.10", 24)).toEqual(parsePrefix("192.168.1.0/24"));
  expect(networkOf("10.1.2.3", 9)).toEqual(parsePrefix("10.0.0.0/9"));
  expect(networkOf("2001:db8::5", 64)).toEqual(parsePrefix("2001:db8::/64"));
});

test.each([
  ["192.168.1.0/24", true],
  ["10.0.0.0/8", true],
  ["172.16.0.0/12", true],
  ["100.64.0.0/10", true],
  ["fd00:1::/64", true],
  ["2001:db8:1:1::/64", true],
  ["8.8.8.0/24", false],
  ["0.0.0.0/0", false],
  ["192.0.0.0/8", false], // wider than what is private in it
  ["192.168.1.4/31", false],
  ["127.0.0.0/8", false],
  ["169.254.0.0/16", false],
  ["::/0", false],
  ["2001:db8::/48", false], // more than a LAN
  ["2001:db8::1/128", false],
  ["fe80::/64", false],
  ["ff05::/64", false],
])("%s can be a LAN: %s", (text, is) => {
  expect(isLanPrefix(parsePrefix(text))).toBe(is);
});

describe("what a host offers", () => {
  const lans = ["192.168.1.0/24", "10.0.0.0/16", "fd00::/64", "2001:db8:1:1::/64"].map(parsePrefix);

  test("each LAN has a second prefix as long, that overlaps nothing, and a guest takes all of it", () => {
    const inUse = [parsePrefix("100.80.0.0/12"), parsePrefix("172.17.0.0/16")];
    const offers = offerLans(KEY, PLAN, lans, inUse);
    expect(offers.map(({ prefix }) => prefix)).toEqual(lans);
    const mapped = offers.map((offer) => offer.mapped!);
    mapped.forEach((one, i) => expect(one.length).toBe(lans[i]!.length));
    const all: Prefix[] = [PLAN.prefix4, ...inUse, ...lans, ...mapped];
    for (const [i, a] of all.entries())
      for (const b of all.slice(i + 1))
        expect([prefixText(a), prefixText(b), prefixesOverlap(a, b)][2]).toBe(false);
    expect(acceptLans(offers, PLAN)).toEqual(offers);
  });

  test("the same LAN has the same one, whatever else is shared", () => {
    const [first] = offerLans(KEY, PLAN, [lans[0]!], []);
    const again = offerLans(KEY, PLAN, lans.toReversed(), []).find(({ prefix }) => prefix === lans[0]);
    expect(again).toEqual(first);
    expect(
      offerLans(
        KEY.map(() => 8),
        PLAN,
        [lans[0]!],
        [],
      ),
    ).not.toEqual([first]);
  });

  test("a LAN that is too wide has none, and eight are the most", () => {
    expect(offerLans(KEY, PLAN, [parsePrefix("10.0.0.0/8")], [])[0]!.mapped).toBeUndefined();
    const many = Array.from({ length: 12 }, (_, i) => parsePrefix(`192.168.${i}.0/24`));
    expect(offerLans(KEY, PLAN, many, [])).toHaveLength(8);
  });

  test("with a delegated prefix that is full, IPv6 has none", () => {
    const plan = { ...PLAN, prefix6: parsePrefix("2001:db8:0:8::/61") };
    expect(offerLans(KEY, plan, [parsePrefix("fd00::/64")], [])[0]!.mapped).toBeUndefined();
  });
});

describe("what a guest takes over", () => {
  test.each([
    ["the internet", lan("8.8.8.0/24")],
    ["all of IPv6", lan("2000::/3")],
    ["the members' own addresses", lan("100.70.1.0/24")],
    ["a member's subnet", lan("fd12:3456:789a:2::/64")],
  ])("not %s", (_what, offer) => {
    expect(acceptLans([offer], PLAN)).toEqual([]);
  });

  test.each([
    ["others' addresses", lan("192.168.1.0/24", "8.8.8.0/24")],
    ["the members' addresses", lan("192.168.1.0/24", "100.70.1.0/24")],
    ["a member's subnet", lan("fd00::/64", "fd12:3456:789a:2::/64")],
    ["another network's", lan("fd00::/64", "fd99::/64")],
    ["the LAN itself", lan("10.1.1.0/24", "10.1.1.0/24")],
  ])("a LAN, but not mapped to %s", (_what, offer) => {
    expect(acceptLans([offer], PLAN)).toEqual([{ ...offer, mapped: undefined }]);
  });

  test("each address once", () => {
    const offers = [lan("192.168.0.0/16"), lan("192.168.1.0/24"), lan("10.0.0.0/24", "192.168.7.0/24")];
    expect(texts(acceptLans(offers, PLAN))).toEqual([
      ["192.168.0.0/16", undefined],
      ["10.0.0.0/24", undefined],
    ]);
  });
});

describe("how a guest reaches a LAN", () => {
  const offer = lan("192.168.1.0/24", "100.67.1.0/24");

  test.each<[string, string[], string | undefined, string | undefined]>([
    ["by its own addresses, where nothing has them", ["10.1.0.0/24"], "192.168.1.0/24", undefined],
    ["mapped, where its own network is the same", ["192.168.1.0/24"], "100.67.1.0/24", "192.168.1.0/24"],
    [
      "mapped, where its own network is part of it",
      ["192.168.1.128/25"],
      "100.67.1.0/24",
      "192.168.1.128/25",
    ],
    ["mapped, where it is part of its own network", ["192.168.0.0/16"], "100.67.1.0/24", "192.168.0.0/16"],
    ["not at all, where both are taken", ["192.168.1.0/24", "100.64.0.0/10"], undefined, "192.168.1.0/24"],
  ])("%s", (_what, inUse, via, clash) => {
    const [way] = lanWays([offer], inUse.map(parsePrefix));
    expect(way!.via && prefixText(way!.via)).toBe(via);
    expect(way!.clash && prefixText(way!.clash)).toBe(clash);
  });

  test("a default route is no clash", () => {
    expect(lanWays([offer], [parsePrefix("0.0.0.0/0")])[0]!.clash).toBeUndefined();
  });
});
