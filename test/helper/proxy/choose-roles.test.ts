import { describe, expect, test } from "vitest";
import type { Link } from "#ports/links.ts";
import { chooseRoles, type Roles } from "#runtime/proxy/choose-roles.ts";
import { permits, planOf, type ProxyPlan } from "#runtime/proxy/plan.ts";
import { DEFAULT_PROXY, type ProxySettings } from "#runtime/store/proxy-settings.ts";
import { parsePrefix } from "#wire/address.ts";
import { link } from "../runtime/fake-devices.ts";

const lan = (name: string, change: Partial<Link> = {}): Link =>
  link(name, { defaultRoute: false, ...change });
const plan = (change: Partial<ProxySettings> = {}): ProxyPlan =>
  planOf({ ...DEFAULT_PROXY, on: true, ...change })!;
const choose = (
  links: readonly Link[],
  change: Partial<ProxySettings> = {},
  { earlier = [], off = [] }: { earlier?: string[]; off?: string[] } = {},
): Roles =>
  chooseRoles(plan(change), { links, earlier: new Set(earlier), isOff: (name) => off.includes(name) });

const WAN = link("wan0", { gateway4: { address: "192.0.2.1", metric: 100 } });
const WWAN = link("wwan0", { gateway4: { address: "198.51.100.1", metric: 700 } });

describe("who is what", () => {
  test("the default route's interface is the upstream, the best of several, and all others are downstreams", () => {
    expect(choose([lan("eth1"), WAN, lan("wlan0", { kind: "wifi" })])).toEqual({
      upstream: "wan0",
      downstream: ["eth1", "wlan0"],
      problem: undefined,
    });
    expect(choose([WWAN, WAN]).upstream).toBe("wan0");
  });

  test.each<[string, Link]>([
    ["loopback", lan("lo", { kind: "loopback", mac: undefined })],
    ["a tunnel", lan("tun0", { kind: "tun", mac: undefined })],
    ["the port of a bridge", lan("eth5", { master: 7 })],
    ["what has no carrier", lan("eth6", { running: false })],
  ])("%s is no part of it", (_what, other) => {
    expect(choose([WAN, lan("eth1"), other]).downstream).toEqual(["eth1"]);
  });

  test("what is named counts alone, and what is switched off by hand is left out unless it is named", () => {
    const links = [WAN, lan("eth1"), lan("eth2"), lan("eth3")];
    expect(choose(links, { upstream: "eth1" })).toMatchObject({
      upstream: "eth1",
      downstream: ["wan0", "eth2", "eth3"],
    });
    expect(choose(links, { downstream: ["eth3", "eth9"] })).toMatchObject({
      upstream: "wan0",
      downstream: ["eth3"],
      problem: undefined,
    });
    expect(choose(links, {}, { off: ["eth2"] }).downstream).toEqual(["eth1", "eth3"]);
    expect(choose(links, { downstream: ["eth2"] }, { off: ["eth2"] }).downstream).toEqual(["eth2"]);
    expect(choose([WAN, lan("eth1")], { downstream: ["wan0"] }).upstream).toBeUndefined();
  });

  test("without a default route nothing is asked: what looks like a LAN may be the way to the provider", () => {
    expect(choose([lan("wan0"), lan("eth1")])).toEqual({
      upstream: undefined,
      downstream: [],
      problem: expect.stringContaining("--upstream INTERFACE"),
    });
    // It went to another interface: the one that had it is no LAN of listeners now.
    expect(choose([lan("wan0"), WWAN, lan("eth1")], {}, { earlier: ["wan0", "wwan0"] })).toMatchObject({
      upstream: "wwan0",
      downstream: ["eth1"],
    });
  });

  test("what is missing is said", () => {
    expect(choose([WAN]).problem).toContain("no LAN interface beside the upstream wan0");
    expect(choose([WAN, lan("eth1")], { upstream: "eth7" })).toMatchObject({
      upstream: undefined,
      problem: expect.stringContaining("eth7 is not there"),
    });
    expect(choose([WAN], { downstream: ["eth7", "eth8"] }).problem).toContain("eth7, eth8");
  });
});

test("the rules of the one upstream and of the downstreams", () => {
  const [tv, secret, far] = ["239.0.0.0/8", "239.9.0.0/16", "10.0.0.0/8"].map(parsePrefix);
  const made = plan({ sources: [far!], allowed: [tv!], denied: [secret!], bitsPerSecond: 1_000_000 });
  expect(made.rulesOf("a", "upstream")).toMatchObject({ sources: [far], bitsPerSecond: null });
  expect(made.rulesOf("b", "downstream")).toMatchObject({ sources: [], bitsPerSecond: 1_000_000 });
  const rules = made.rulesOf("b", "downstream");
  expect(["239.1.1.1", "239.9.1.1", "232.1.1.1", "ff1e::1"].map((group) => permits(rules, group))).toEqual([
    true,
    false, // denied, though it is allowed
    false,
    false,
  ]);
  expect(permits(plan().rulesOf("b", "downstream"), "ff1e::1")).toBe(true);
  expect(planOf(DEFAULT_PROXY)).toBeUndefined();
});
