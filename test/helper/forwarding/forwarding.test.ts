import { beforeEach, describe, expect, test } from "vitest";
import { Forwarding, FORWARDING_LIMITS } from "#protocol/forwarding/forwarding.ts";
import { lookup } from "#protocol/forwarding/route-lookup.ts";
import { EXIT_LOCAL, EXIT_WIRE, MAX_VIFS, type VifId } from "#protocol/forwarding/route-table.ts";
import { groupRefusal, isForwardableSource, scopePolicy } from "#protocol/forwarding/scope.ts";
import { ANY_SOURCE, type SourceFilter } from "#protocol/membership/source-filter.ts";
import { parsePrefix, type Address } from "#wire/address.ts";

const TUN = 0;
const LAN = 1;
const OTHER_LAN = 2;
const PEER = 3;
const OTHER_PEER = 4;
const FOREIGN_PEER = 5;
const HOST_PEER = 6; // our session to the host of a network that we joined
const HOST_PEER_2 = 7; // a second session in that network

const include = (...sources: Address[]): SourceFilter => ({ mode: "include", sources: new Set(sources) });
const exclude = (...sources: Address[]): SourceFilter => ({ mode: "exclude", sources: new Set(sources) });

let forwarding: Forwarding;
const egress = (inVif: VifId, group: Address, source = "10.0.0.1"): string[] =>
  lookup(forwarding.compile(), inVif, source, group).map(
    ({ vif, kind }) => `${vif}${kind === EXIT_LOCAL ? " local" : ""}`,
  );

beforeEach(() => {
  forwarding = new Forwarding({ scope: scopePolicy(), lanToLan: false, ...FORWARDING_LIMITS });
  forwarding.addVif(TUN, { kind: "tun", upstream: false });
  forwarding.addVif(LAN, { kind: "lan", upstream: true });
  forwarding.addVif(OTHER_LAN, { kind: "lan", upstream: true });
  for (const id of [PEER, OTHER_PEER])
    forwarding.addVif(id, { kind: "peer", network: "home", hostOfNetwork: true, upstream: true });
  forwarding.addVif(FOREIGN_PEER, { kind: "peer", network: "club", hostOfNetwork: true, upstream: true });
  for (const id of [HOST_PEER, HOST_PEER_2])
    forwarding.addVif(id, { kind: "peer", network: "away", hostOfNetwork: false, upstream: true });
  forwarding.drainUpstreamChanges();
});

describe("who may forward to whom", () => {
  test.each([
    [LAN, [PEER, OTHER_PEER, FOREIGN_PEER, HOST_PEER, HOST_PEER_2]], // the TUN's programs hear it natively
    [TUN, [LAN, OTHER_LAN, PEER, OTHER_PEER, FOREIGN_PEER, HOST_PEER, HOST_PEER_2]],
    [PEER, [LAN, OTHER_LAN, OTHER_PEER, TUN]],
    [FOREIGN_PEER, [LAN, OTHER_LAN, TUN]],
    [HOST_PEER, [LAN, OTHER_LAN, TUN]],
  ])("from vif %i", (inVif, out) => {
    for (let vif = 0; vif <= HOST_PEER_2; vif++)
      forwarding.setListeners(vif, vif === TUN ? EXIT_LOCAL : EXIT_WIRE, "239.1.1.1", ANY_SOURCE);
    const vifs = egress(inVif, "239.1.1.1").map((text) => Number.parseInt(text, 10));
    expect(vifs.sort()).toEqual([...out].sort());
  });

  test("AMT goes one way: from a gateway's vif to this computer and its LANs, to a relay's from all others", () => {
    const [gateway, relay, demand] = [HOST_PEER_2 + 1, HOST_PEER_2 + 2, HOST_PEER_2 + 3];
    forwarding.addVif(gateway, { kind: "amt-gateway", upstream: false });
    forwarding.addVif(demand, { kind: "amt-gateway", upstream: true });
    forwarding.addVif(relay, { kind: "amt-relay", upstream: false });
    for (const vif of [LAN, PEER, relay, gateway])
      forwarding.setListeners(vif, EXIT_WIRE, "232.1.1.1", include("10.0.0.1"));
    forwarding.setListeners(TUN, EXIT_LOCAL, "232.1.1.1", include("10.0.0.1"));
    expect(egress(gateway, "232.1.1.1").sort()).toEqual([`${TUN} local`, `${LAN}`].sort());
    expect(egress(PEER, "232.1.1.1")).not.toContain(`${gateway}`);
    expect(egress(PEER, "232.1.1.1")).toContain(`${relay}`);
    expect(egress(relay, "232.1.1.1")).toEqual([]);
    // What members want is no reason to fetch it from the Internet.
    forwarding.setListeners(PEER, EXIT_WIRE, "232.1.1.2", include("10.0.0.1"));
    forwarding.setListeners(relay, EXIT_WIRE, "232.1.1.3", include("10.0.0.1"));
    expect([...forwarding.upstreamWants(demand)]).toEqual([["232.1.1.1", include("10.0.0.1")]]);
  });

  test("a socket vif is a LAN by other means: no way to LANs, and local sockets hear it natively", () => {
    const socket = HOST_PEER_2 + 1;
    forwarding.addVif(socket, { kind: "socket", upstream: true });
    for (const vif of [LAN, PEER, socket]) forwarding.setListeners(vif, EXIT_WIRE, "239.1.1.1", ANY_SOURCE);
    forwarding.setListeners(TUN, EXIT_LOCAL, "239.1.1.1", ANY_SOURCE);
    expect(egress(socket, "239.1.1.1")).toEqual([`${PEER}`]);
    expect(egress(LAN, "239.1.1.1")).toEqual([`${PEER}`]);
    expect(egress(PEER, "239.1.1.1")).toEqual([`${TUN} local`, `${LAN}`, `${socket}`]);
    expect(egress(TUN, "239.1.1.1")).toEqual([`${LAN}`, `${PEER}`, `${socket}`]);
  });

  test("another member takes over on a LAN: nothing between it and that network's peers, and the rest stays", () => {
    const group = "239.1.1.1";
    const route = {
      inVif: LAN,
      group: parsePrefix("239.2.0.0/16"),
      source: undefined,
      outVifs: [PEER, FOREIGN_PEER],
    };
    forwarding.addStaticRoute(route);
    forwarding.addStaticJoin(LAN, "239.2.2.2");
    for (const vif of [LAN, PEER, FOREIGN_PEER]) forwarding.setListeners(vif, EXIT_WIRE, group, ANY_SOURCE);
    forwarding.drainUpstreamChanges();
    const passive = new Set(["home"]);
    forwarding.changeVif(LAN, { kind: "lan", upstream: true, passiveFor: passive });
    expect(egress(LAN, group)).toEqual([`${FOREIGN_PEER}`]);
    expect(egress(PEER, group)).toEqual([]);
    expect(egress(FOREIGN_PEER, group)).toEqual([`${LAN}`]);
    expect(egress(LAN, "239.2.2.2")).toEqual([`${FOREIGN_PEER}`]);
    expect(forwarding.staticRoutes()).toEqual([route]);
    expect(forwarding.staticJoins()).toHaveLength(1);
    // Nothing at all is wanted of the LAN once that network's peers are the only listeners.
    forwarding.setListeners(FOREIGN_PEER, EXIT_WIRE, group, undefined);
    expect(forwarding.drainUpstreamChanges()).toContainEqual({ vif: LAN, group, filter: undefined });
    forwarding.changeVif(LAN, { kind: "lan", upstream: true });
    expect(egress(LAN, group)).toEqual([`${PEER}`]);
    expect(forwarding.drainUpstreamChanges()).toContainEqual({ vif: LAN, group, filter: ANY_SOURCE });
    expect(() => forwarding.changeVif(LAN, { kind: "lan", upstream: false })).toThrow(/upstream/);
  });

  test("LAN to LAN where the setting says so", () => {
    forwarding.setListeners(OTHER_LAN, EXIT_WIRE, "239.1.1.1", ANY_SOURCE);
    expect(egress(LAN, "239.1.1.1")).toEqual([]);
    expect(forwarding.drainUpstreamChanges().map(({ vif }) => vif)).not.toContain(LAN);
    forwarding.setLanToLan(true);
    expect(egress(LAN, "239.1.1.1")).toEqual([`${OTHER_LAN}`]);
    expect(forwarding.drainUpstreamChanges()).toEqual([{ vif: LAN, group: "239.1.1.1", filter: ANY_SOURCE }]);
  });
});

describe("LANs that a proxy joins (RFC 4605)", () => {
  const GROUP = "239.1.1.1";
  const DOWN = 8;
  const lan = (role: "upstream" | "downstream") => ({ kind: "lan", upstream: true, role }) as const;
  beforeEach(() => {
    forwarding.changeVif(LAN, lan("upstream"));
    forwarding.changeVif(OTHER_LAN, lan("downstream"));
    forwarding.addVif(DOWN, lan("downstream"));
    forwarding.drainUpstreamChanges();
  });

  test("from the upstream to downstreams, from a downstream to the others and up, and never between two upstreams", () => {
    for (const vif of [LAN, OTHER_LAN, DOWN]) forwarding.setListeners(vif, EXIT_WIRE, GROUP, ANY_SOURCE);
    expect(egress(LAN, GROUP)).toEqual([`${OTHER_LAN}`, `${DOWN}`]);
    expect(egress(OTHER_LAN, GROUP)).toEqual([`${LAN}`, `${DOWN}`]);
    forwarding.changeVif(DOWN, lan("upstream"));
    expect(egress(LAN, GROUP)).toEqual([`${OTHER_LAN}`]);
    expect(egress(DOWN, GROUP)).toEqual([`${OTHER_LAN}`]);
  });

  test("what downstreams want is joined on the upstream alone, what members want on all", () => {
    forwarding.setListeners(OTHER_LAN, EXIT_WIRE, GROUP, include("10.0.0.1"));
    const joined = (): unknown[] => forwarding.drainUpstreamChanges().filter(({ vif }) => vif !== PEER);
    const lans = (changes: readonly unknown[]): unknown[] =>
      (changes as { vif: VifId }[]).filter(({ vif }) => [LAN, OTHER_LAN, DOWN].includes(vif));
    expect(lans(joined())).toEqual([{ vif: LAN, group: GROUP, filter: include("10.0.0.1") }]);
    forwarding.setListeners(PEER, EXIT_WIRE, GROUP, include("10.0.0.2"));
    expect(lans(joined())).toEqual([
      { vif: LAN, group: GROUP, filter: include("10.0.0.1", "10.0.0.2") },
      { vif: OTHER_LAN, group: GROUP, filter: include("10.0.0.2") },
      { vif: DOWN, group: GROUP, filter: include("10.0.0.2") },
    ]);
  });

  test("what is sent behind a downstream goes to the upstream, listeners or not, and not what stays on its link", () => {
    const [other, six] = ["239.77.1.1", "ff0e::7"];
    expect(egress(OTHER_LAN, other)).toEqual([`${LAN}`]);
    expect(egress(DOWN, six, "2001:db8::1")).toEqual([`${LAN}`]);
    expect(egress(LAN, other)).toEqual([]);
    for (const stays of ["224.0.0.251", "239.255.255.250"]) expect(egress(DOWN, stays)).toEqual([]);
    forwarding.changeVif(LAN, lan("downstream"));
    expect(egress(OTHER_LAN, other)).toEqual([]);
  });

  test("what is shared with nobody crosses between the proxy's LANs all the same, and to nobody else", () => {
    const [tv, sources] = ["224.3.2.6", include("10.0.0.1")];
    for (const vif of [DOWN, PEER, LAN]) forwarding.setListeners(vif, EXIT_WIRE, tv, sources);
    forwarding.setListeners(TUN, EXIT_LOCAL, tv, ANY_SOURCE);
    expect(egress(LAN, tv)).toEqual([`${DOWN}`]);
    expect(egress(LAN, tv, "10.0.0.2")).toEqual([]);
    for (const from of [PEER, TUN]) expect(egress(from, tv)).toEqual([]);
    expect(forwarding.drainUpstreamChanges().filter(({ group }) => group === tv)).toEqual([
      { vif: LAN, group: tv, filter: sources },
    ]);
    expect(forwarding.dump().groups.find(({ group }) => group === tv)?.refusal).toBeUndefined();
    for (const vif of [LAN, OTHER_LAN, DOWN]) forwarding.changeVif(vif, { kind: "lan", upstream: true });
    expect(egress(LAN, tv)).toEqual([]);
    expect(forwarding.drainUpstreamChanges()).toContainEqual({ vif: LAN, group: tv, filter: undefined });
    expect(forwarding.dump().groups.find(({ group }) => group === tv)?.refusal).toBe("not-shared");
  });

  test("nothing where another router asks, of that family; what comes by the tunnel goes there all the same", () => {
    const six = "ff1e::1";
    for (const group of [GROUP, six]) forwarding.setListeners(DOWN, EXIT_WIRE, group, ANY_SOURCE);
    forwarding.changeVif(DOWN, { ...lan("downstream"), otherQuerier: { 4: true, 6: false } });
    expect(egress(LAN, GROUP)).toEqual([]);
    expect(egress(LAN, six, "2001:db8::1")).toEqual([`${DOWN}`]);
    expect(egress(PEER, GROUP)).toEqual([`${DOWN}`]);
  });

  test("a LAN without a part in it keeps to itself", () => {
    const apart = DOWN + 1;
    forwarding.addVif(apart, { kind: "lan", upstream: true });
    for (const vif of [apart, DOWN]) forwarding.setListeners(vif, EXIT_WIRE, GROUP, ANY_SOURCE);
    expect(egress(LAN, GROUP)).toEqual([`${DOWN}`]);
    expect(egress(apart, GROUP)).toEqual([]);
  });
});

describe("a static route from LAN to LAN", () => {
  const route = (inVif: VifId | "any", outVifs: readonly VifId[]) => ({
    inVif,
    group: parsePrefix("239.0.0.0/8"),
    source: parsePrefix("10.0.0.0/24"),
    outVifs,
  });

  test("is carried although nothing else goes between LANs, and never back", () => {
    forwarding.addStaticRoute(route(LAN, [OTHER_LAN, PEER]));
    expect(egress(LAN, "239.1.1.1")).toEqual([`${OTHER_LAN}`, `${PEER}`]);
    expect(egress(OTHER_LAN, "239.1.1.1")).toEqual([]);
    expect(egress(LAN, "239.1.1.1", "10.0.1.1")).toEqual([]);
    expect(egress(LAN, "239.255.255.250")).toEqual([]);
    forwarding.addStaticRoute(route("any", [LAN, OTHER_LAN]));
    expect(egress(OTHER_LAN, "239.1.1.1")).toEqual([`${LAN}`]);
  });

  test("is carried where another router asks, too, but opens nothing between members of two networks", () => {
    forwarding.changeVif(OTHER_LAN, { kind: "lan", upstream: true, otherQuerier: { 4: true, 6: true } });
    forwarding.addStaticRoute(route(LAN, [OTHER_LAN]));
    forwarding.addStaticRoute(route(PEER, [FOREIGN_PEER, LAN]));
    expect(egress(LAN, "239.1.1.1")).toEqual([`${OTHER_LAN}`]);
    expect(egress(PEER, "239.1.1.1")).toEqual([`${LAN}`]);
  });
});

test("thresholds: a byte per vif, none where all are 1, and 1 to 255", () => {
  expect(forwarding.compile().thresholds).toHaveLength(0);
  forwarding.changeVif(LAN, { kind: "lan", upstream: true, ttlThreshold: 12 });
  const { thresholds } = forwarding.compile();
  expect([thresholds[LAN], thresholds[OTHER_LAN], thresholds[PEER]]).toEqual([12, 1, 1]);
  for (const ttlThreshold of [0, 256, 1.5])
    expect(() => forwarding.addVif(20, { kind: "lan", upstream: true, ttlThreshold })).toThrow(RangeError);
});

describe("local exits", () => {
  test("the TUN before a LAN, one at most, and none where the in-vif serves them itself", () => {
    forwarding.setListeners(LAN, EXIT_LOCAL, "239.1.1.1", ANY_SOURCE);
    expect(egress(PEER, "239.1.1.1")).toEqual([`${LAN} local`]);
    forwarding.setListeners(TUN, EXIT_LOCAL, "239.1.1.1", ANY_SOURCE);
    expect(egress(PEER, "239.1.1.1")).toEqual([`${TUN} local`]);
    expect(egress(TUN, "239.1.1.1")).toEqual([]);
  });

  test("none for what comes from a LAN on which the kernel joins for us: local sockets hear it from there", () => {
    forwarding.setListeners(TUN, EXIT_LOCAL, "239.1.1.1", ANY_SOURCE);
    expect(forwarding.drainUpstreamChanges()).toContainEqual({
      vif: LAN,
      group: "239.1.1.1",
      filter: ANY_SOURCE,
    });
    expect(egress(LAN, "239.1.1.1")).toEqual([]);
  });

  test("from a LAN where nothing is joined for us, as a guest's is, to the TUN unless it has listeners itself", () => {
    forwarding.addVif(8, { kind: "lan", upstream: false });
    forwarding.setListeners(TUN, EXIT_LOCAL, "239.1.1.1", ANY_SOURCE);
    expect(egress(8, "239.1.1.1")).toEqual([`${TUN} local`]);
    forwarding.setListeners(8, EXIT_LOCAL, "239.1.1.1", ANY_SOURCE);
    expect(egress(8, "239.1.1.1")).toEqual([]);
  });

  test("the TUN comes first whatever its number", () => {
    forwarding.addVif(9, { kind: "tun", upstream: false });
    forwarding.setListeners(LAN, EXIT_LOCAL, "239.1.1.1", ANY_SOURCE);
    forwarding.setListeners(PEER, EXIT_WIRE, "239.1.1.1", ANY_SOURCE);
    forwarding.setListeners(9, EXIT_LOCAL, "239.1.1.1", ANY_SOURCE);
    expect(egress(OTHER_PEER, "239.1.1.1")).toEqual(["9 local", `${PEER}`]);
  });

  test("a LAN's wire and local exits are different things", () => {
    forwarding.setListeners(LAN, EXIT_LOCAL, "239.1.1.1", include("10.0.0.1"));
    forwarding.setListeners(LAN, EXIT_WIRE, "239.1.1.1", include("10.0.0.2"));
    expect(egress(PEER, "239.1.1.1", "10.0.0.1")).toEqual([`${LAN} local`]);
    expect(egress(PEER, "239.1.1.1", "10.0.0.2")).toEqual([`${LAN}`]);
    expect(egress(PEER, "239.1.1.1", "10.0.0.3")).toEqual([]);
  });
});

describe("scope", () => {
  test.each([
    ["224.0.0.251", "never-routed"],
    ["224.0.1.129", "never-routed"], // PTP
    ["ff02::fb", "never-routed"],
    ["ff01::1", "never-routed"],
    ["ff32::8000:1", "never-routed"], // link-local scope with other flags
    ["ff05::1:3", "never-routed"], // DHCPv6 servers
    ["ff0e::181", "never-routed"], // PTP
    ["10.1.2.3", "never-routed"],
    ["2001:db8::1", "never-routed"],
    ["239.255.255.250", "excepted"],
    ["ff0e::c", "excepted"],
    ["ff05::fb", "excepted"],
    ["ff08::1:3", "excepted"],
    ["224.0.1.1", "not-shared"],
    ["236.0.0.1", "not-shared"],
    ["ff04::1234", "not-shared"],
    ["239.1.2.3", undefined],
    ["232.1.2.3", undefined],
    ["ff1e::1", undefined],
    ["ff3e::8000:1", undefined],
    ["ff05::1234", undefined],
  ])("%s: %s", (group, refusal) => {
    expect(groupRefusal(scopePolicy(), group)).toBe(refusal);
    expect(forwarding.mayCross(group)).toBe(refusal === undefined);
    forwarding.setListeners(TUN, EXIT_LOCAL, group, ANY_SOURCE);
    const source = group.includes(":") ? "2001:db8::5" : "10.0.0.1";
    expect(egress(PEER, group, source)).toEqual(refusal ? [] : [`${TUN} local`]);
    expect(forwarding.drainUpstreamChanges().length > 0).toBe(!refusal);
  });

  test("what is never routed stays so when everything is shared", () => {
    const all = scopePolicy(["224.0.0.0/4", "ff00::/8"], []);
    expect(groupRefusal(all, "224.0.0.5")).toBe("never-routed");
    expect(groupRefusal(all, "ff02::1")).toBe("never-routed");
    expect(groupRefusal(all, "239.255.255.250")).toBeUndefined();
  });

  test("a change of the policy reaches routes and upstreams", () => {
    forwarding.setListeners(TUN, EXIT_LOCAL, "239.1.1.1", ANY_SOURCE);
    forwarding.drainUpstreamChanges();
    forwarding.setScope(scopePolicy(["232.0.0.0/8"]));
    expect(egress(PEER, "239.1.1.1")).toEqual([]);
    expect(new Set(forwarding.drainUpstreamChanges().map(({ filter }) => filter))).toEqual(
      new Set([undefined]),
    );
  });

  test.each([
    "224.0.0.1",
    "0.0.0.0",
    "127.0.0.1",
    "169.254.7.7",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "ff1e::2",
  ])("nothing from %s", (source) => {
    const group = source.includes(":") ? "ff1e::1" : "239.1.1.1";
    expect(isForwardableSource(source, group)).toBe(false);
    forwarding.setListeners(TUN, EXIT_LOCAL, group, ANY_SOURCE);
    forwarding.addStaticRoute({
      inVif: "any",
      group: parsePrefix(`${group}`),
      source: undefined,
      outVifs: [LAN],
    });
    expect(egress(PEER, group, source)).toEqual([]);
    forwarding.setListeners(PEER, EXIT_WIRE, group, include(source));
    expect(forwarding.drops.badSources).toBe(1);
  });
});

describe("static joins and routes", () => {
  test("a static join of a source is of that one alone, whatever else is joined of its group, as by smcroute", () => {
    const [group, source] = ["232.1.1.7", "10.0.0.1"];
    const wanted = (): SourceFilter | undefined => forwarding.upstreamWants(LAN).get(group);
    forwarding.addStaticJoin(LAN, group);
    expect(wanted()).toEqual(ANY_SOURCE);
    forwarding.addStaticJoin(LAN, group, source);
    expect(wanted()).toEqual(include(source));
    forwarding.removeStaticJoin(LAN, group, source);
    expect(wanted()).toEqual(ANY_SOURCE);
  });

  test("a static join is wanted without a listener, and merges with listeners", () => {
    forwarding.addStaticJoin(LAN, "232.1.1.1", "10.0.0.1");
    expect(forwarding.drainUpstreamChanges()).toEqual([
      { vif: LAN, group: "232.1.1.1", filter: include("10.0.0.1") },
    ]);
    forwarding.setListeners(TUN, EXIT_LOCAL, "232.1.1.1", include("10.0.0.2"));
    expect(forwarding.upstreamWants(LAN)).toEqual(new Map([["232.1.1.1", include("10.0.0.1", "10.0.0.2")]]));
    forwarding.removeStaticJoin(LAN, "232.1.1.1", "10.0.0.1");
    expect(forwarding.upstreamWants(LAN)).toEqual(new Map([["232.1.1.1", include("10.0.0.2")]]));
  });

  test("a static route forces egress, beside listeners, for its in-vif and source range alone", () => {
    forwarding.setListeners(PEER, EXIT_WIRE, "239.5.5.5", ANY_SOURCE);
    forwarding.addStaticRoute({
      inVif: LAN,
      group: parsePrefix("239.5.0.0/16"),
      source: parsePrefix("10.0.0.0/24"),
      outVifs: [PEER, OTHER_PEER, TUN],
    });
    // The peer's listener made us join 239.5.5.5 on the LAN: programs of the TUN hear it from there.
    expect(egress(LAN, "239.5.5.5", "10.0.0.9")).toEqual([`${PEER}`, `${OTHER_PEER}`]);
    expect(egress(LAN, "239.5.9.9", "10.0.0.9")).toEqual([`${TUN} local`, `${PEER}`, `${OTHER_PEER}`]);
    expect(egress(LAN, "239.5.9.9", "10.0.1.9")).toEqual([]);
    expect(egress(LAN, "239.6.9.9", "10.0.0.9")).toEqual([]);
    expect(egress(OTHER_LAN, "239.5.9.9", "10.0.0.9")).toEqual([]);
    forwarding.removeVif(TUN);
    expect(egress(LAN, "239.5.9.9", "10.0.0.9")).toEqual([`${PEER}`, `${OTHER_PEER}`]);
  });

  test("never back, and no wide route opens what does not cross", () => {
    forwarding.addStaticRoute({
      inVif: "any",
      group: parsePrefix("224.0.0.0/4"),
      source: undefined,
      outVifs: [LAN, PEER],
    });
    expect(egress(LAN, "239.7.7.7")).toEqual([`${PEER}`]);
    for (const group of ["224.0.0.251", "239.255.255.250", "236.1.1.1"])
      expect(egress(LAN, group)).toEqual([]);
  });

  test("nor does one where everything is shared open what is never routed", () => {
    forwarding.setScope(scopePolicy(["224.0.0.0/4", "ff00::/8"], []));
    for (const range of ["224.0.0.0/4", "ff00::/8"])
      forwarding.addStaticRoute({
        inVif: "any",
        group: parsePrefix(range),
        source: undefined,
        outVifs: [PEER],
      });
    for (const group of ["224.0.0.251", "224.0.1.129"]) expect(egress(LAN, group)).toEqual([]);
    for (const group of ["ff02::fb", "ff12::1", "ff05::1:3"])
      expect(egress(LAN, group, "fd00::1")).toEqual([]);
    expect(egress(LAN, "239.255.255.250")).toEqual([`${PEER}`]);
    expect(egress(LAN, "ff05::c", "fd00::1")).toEqual([`${PEER}`]);
  });

  test("a static route out of the TUN spares sockets that have the packet already", () => {
    forwarding.setListeners(LAN, EXIT_LOCAL, "239.5.5.5", ANY_SOURCE);
    forwarding.addStaticRoute({
      inVif: LAN,
      group: parsePrefix("239.5.5.5"),
      source: undefined,
      outVifs: [TUN],
    });
    expect(egress(LAN, "239.5.5.5")).toEqual([]);
  });

  test.each(["10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32"])("%s is no range of groups", (range) => {
    const route = { inVif: LAN, group: parsePrefix(range), source: undefined, outVifs: [PEER] };
    expect(() => forwarding.addStaticRoute(route)).toThrow(RangeError);
  });
});

describe("bounds and bookkeeping", () => {
  test("an exit has no more groups, a filter no more sources, a table no more entries than the limits say", () => {
    const tight = new Forwarding({
      scope: scopePolicy(),
      lanToLan: false,
      maxGroupsPerExit: 3,
      maxSourcesPerFilter: 2,
      maxEntries: 4,
    });
    tight.addVif(PEER, { kind: "peer", network: "n", upstream: true });
    tight.addVif(LAN, { kind: "lan", upstream: true });
    tight.setListeners(PEER, EXIT_WIRE, "239.0.0.0", include("10.0.0.1", "10.0.0.2", "10.0.0.3"));
    for (let i = 1; i < 10; i++) tight.setListeners(PEER, EXIT_WIRE, `239.0.0.${i}`, ANY_SOURCE);
    expect(tight.upstreamWants(LAN).get("239.0.0.0")).toEqual(include("10.0.0.1", "10.0.0.2"));
    expect(tight.drops).toMatchObject({ tooManyGroups: 7, tooManySources: 1 });
    const table = tight.compile();
    expect(tight.drops.groupsNotCompiled).toBe(1);
    expect(lookup(table, LAN, "10.9.9.9", "239.0.0.1")).toHaveLength(1);
    expect(lookup(table, LAN, "10.9.9.9", "239.0.0.2")).toHaveLength(0);
  });

  test("replaceListeners leaves nothing behind", () => {
    forwarding.setListeners(PEER, EXIT_WIRE, "239.1.1.1", ANY_SOURCE);
    forwarding.replaceListeners(PEER, EXIT_WIRE, new Map([["239.1.1.2", exclude("10.0.0.1")]]));
    expect(egress(LAN, "239.1.1.1")).toEqual([]);
    expect(egress(LAN, "239.1.1.2", "10.0.0.1")).toEqual([]);
    expect(egress(LAN, "239.1.1.2", "10.0.0.2")).toEqual([`${PEER}`]);
  });

  test("a vif that goes takes its listeners along; one that comes is told what is wanted of it", () => {
    forwarding.setListeners(PEER, EXIT_WIRE, "239.1.1.1", ANY_SOURCE);
    forwarding.drainUpstreamChanges();
    forwarding.addVif(9, { kind: "lan", upstream: true });
    expect(forwarding.drainUpstreamChanges()).toEqual([{ vif: 9, group: "239.1.1.1", filter: ANY_SOURCE }]);
    forwarding.removeVif(PEER);
    expect(egress(LAN, "239.1.1.1")).toEqual([]);
    expect(forwarding.dump().groups.map(({ listeners }) => listeners)).toEqual([]);
    const left = forwarding.drainUpstreamChanges();
    expect(left).toContainEqual({ vif: 9, group: "239.1.1.1", filter: undefined });
    expect(left.every(({ filter }) => filter === undefined)).toBe(true);
  });

  test("wrong vif numbers are our own faults", () => {
    expect(() => forwarding.addVif(LAN, { kind: "lan", upstream: true })).toThrow("there already");
    expect(() => forwarding.addVif(MAX_VIFS, { kind: "lan", upstream: true })).toThrow(RangeError);
    expect(() => forwarding.setListeners(99, EXIT_WIRE, "239.1.1.1", ANY_SOURCE)).toThrow("no vif 99");
  });

  test("a listener of what is no group is dropped and counted", () => {
    forwarding.setListeners(PEER, EXIT_WIRE, "10.0.0.1", ANY_SOURCE);
    expect(forwarding.drops.badGroups).toBe(1);
    expect(forwarding.dump().groups).toEqual([]);
  });

  test("the dump shows every group with its listeners by vif", () => {
    forwarding.setListeners(PEER, EXIT_WIRE, "239.1.1.1", include("10.0.0.2", "10.0.0.1"));
    forwarding.setListeners(TUN, EXIT_LOCAL, "224.0.0.251", ANY_SOURCE);
    forwarding.addStaticJoin(OTHER_LAN, "239.1.1.1");
    forwarding.drainUpstreamChanges();
    expect(forwarding.dump()).toEqual({
      groups: [
        {
          group: "224.0.0.251",
          refusal: "never-routed",
          listeners: [{ vif: TUN, exit: "local", mode: "exclude", sources: [] }],
          upstream: [],
        },
        {
          group: "239.1.1.1",
          refusal: undefined,
          listeners: [{ vif: PEER, exit: "wire", mode: "include", sources: ["10.0.0.1", "10.0.0.2"] }],
          upstream: [LAN, OTHER_LAN, OTHER_PEER].map((vif) => ({
            vif,
            mode: vif === OTHER_LAN ? "exclude" : "include",
            sources: vif === OTHER_LAN ? [] : ["10.0.0.1", "10.0.0.2"],
          })),
        },
      ],
      staticJoins: [{ vif: OTHER_LAN, group: "239.1.1.1", source: undefined }],
      staticRoutes: [],
      drops: { tooManyGroups: 0, tooManySources: 0, badGroups: 0, badSources: 0, groupsNotCompiled: 0 },
    });
  });
});
