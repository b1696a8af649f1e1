import { describe, expect, test } from "vitest";
import type { LanRules } from "#ports/fast-path.ts";
import type { Link } from "#ports/links.ts";
import { encodeMembershipPacket } from "#wire/membership-packet.ts";
import { Computer, HOME, host } from "./computer.ts";
import { failure } from "./failure.ts";
import { link } from "./fake-devices.ts";
import { World } from "./world.ts";

const WAN = link("wan0", { index: 2 });
const LAN = link("lan0", { index: 3, defaultRoute: false });
const LAN1 = link("lan1", { index: 4, defaultRoute: false });
const ROUTER = { ...HOME, links: [WAN, LAN, LAN1] };

const vifOf = (of: Computer, name: string): number =>
  [...of.engine.core.vifs.values()].find((vif) => vif.name === name)!.id;

/** A host behind an interface of index `n` reports. */
async function reports(of: Computer, world: World, name: string, group: string, joins = true): Promise<void> {
  const six = group.includes(":");
  const source = six ? "fe80::77" : `192.168.${name === "lan0" ? 3 : 4}.77`;
  const type = joins ? ("to-exclude" as const) : ("to-include" as const);
  const message = { kind: "report", version: 3, records: [{ type, group, sources: [] }] } as const;
  of.fast.emit({
    type: "membership-packet",
    vif: vifOf(of, name),
    own: false,
    packet: encodeMembershipPacket(message, source),
  });
  await world.run(10);
}

const lastRules = (of: Computer, name: string): LanRules | undefined =>
  of.fast.commands
    .flatMap((one) => (one.type === "lan-rules" && one.vif === vifOf(of, name) ? [one.rules] : []))
    .at(-1);
const joined = (of: Computer): string[] => [...of.joins.joined.keys()].sort();

describe("a proxy", () => {
  test("is off until somebody switches it on, stays on over a restart, and goes as it came", async () => {
    const world = new World();
    const router = await Computer.start(world, ROUTER);
    expect(router.status().proxy).toMatchObject({ state: "off", upstream: null });
    expect(router.status().lans.map(({ mode }) => mode)).toEqual(["local", "local", "local"]);
    const on = await router.call("proxy.set", { on: true, bitsPerSecond: 20_000_000 });
    expect(on).toMatchObject({ state: "running", upstream: "wan0", downstream: ["lan0", "lan1"] });
    expect(router.status().lans.map(({ mode }) => mode)).toEqual(["full", "full", "full"]);
    await router.stop();
    const again = await router.again();
    expect(again.status().proxy).toMatchObject({ state: "running", bitsPerSecond: 20_000_000 });
    expect(await again.call("proxy.set", { on: false })).toMatchObject({ state: "off" });
    expect(again.status().lans.map(({ mode }) => mode)).toEqual(["local", "local", "local"]);
  });

  test("joins upstream what is wanted downstream, and asks on downstreams alone", async () => {
    const world = new World();
    const router = await host(world, ROUTER);
    await router.call("proxy.set", { on: true });
    const asked = (): Set<number> =>
      new Set(router.fast.commands.flatMap((one) => (one.type === "inject" ? [one.vif] : [])));
    router.fast.commands.length = 0;
    await world.run(40_000);
    expect(asked()).toEqual(new Set(["castaway0", "lan0", "lan1"].map((name) => vifOf(router, name))));

    await reports(router, world, "lan0", "239.1.1.1");
    await reports(router, world, "lan1", "224.3.2.6"); // no group that members share
    await reports(router, world, "lan1", "239.255.255.250"); // of a protocol that stays on its link
    expect(joined(router)).toEqual(["2 224.3.2.6", "2 239.1.1.1"]);
    router.hears("wan0", "239.1.1.1", "203.0.113.9");
    router.hears("lan1", "239.1.1.1", "192.168.4.9");
    const [wan, lan] = [vifOf(router, "wan0"), vifOf(router, "lan0")];
    expect(router.fast.delivered.slice(-3).sort()).toEqual(
      [`${lan} wire 239.1.1.1`, `${lan} wire 239.1.1.1`, `${wan} wire 239.1.1.1`].sort(),
    );
    await reports(router, world, "lan0", "239.1.1.1", false);
    await world.run(2_100);
    expect(joined(router)).toEqual(["2 224.3.2.6"]);
  });

  test("leaves a LAN to another router that asks there, of its family, and says so", async () => {
    const world = new World();
    const router = await Computer.start(world, ROUTER);
    await router.call("proxy.set", { on: true });
    for (const group of ["239.1.1.1", "ff1e::1"]) await reports(router, world, "lan0", group);
    const message = {
      kind: "query",
      version: 3,
      group: undefined,
      maxResponseMs: 1_000,
      suppress: false,
      robustness: 2,
      queryIntervalS: 125,
      sources: [],
    } as const;
    const packet = encodeMembershipPacket(message, "192.168.3.1", "224.0.0.1");
    router.fast.emit({ type: "membership-packet", vif: vifOf(router, "lan0"), own: false, packet });
    await world.run(10);
    expect(router.status().warnings).toMatchObject([
      { code: "proxy-not-querier", message: expect.stringContaining("lan0 (IPv4)") },
    ]);
    router.fast.delivered.length = 0;
    router.hears("wan0", "239.1.1.1", "203.0.113.9");
    router.hears("wan0", "ff1e::1", "2001:db8::9");
    expect(router.fast.delivered).toEqual([`${vifOf(router, "lan0")} wire ff1e::1`]);
    await world.run(260_000); // it is not heard any more
    expect(router.status().warnings).toEqual([]);
  });

  test("quick leave gives a group up after 0.4 s, and asks before", async () => {
    const world = new World();
    const router = await Computer.start(world, ROUTER);
    await router.call("proxy.set", { on: true, quickLeave: true });
    await reports(router, world, "lan0", "239.1.1.1");
    router.fast.commands.length = 0;
    await reports(router, world, "lan0", "239.1.1.1", false);
    expect(router.fast.commands.filter(({ type }) => type === "inject")).toHaveLength(1);
    await world.run(300);
    expect(joined(router)).toEqual(["2 239.1.1.1"]);
    await world.run(200);
    expect(joined(router)).toEqual([]);
  });

  test("rules: who may join what, which sources are taken, and how much goes out", async () => {
    const world = new World();
    const router = await Computer.start(world, ROUTER);
    await router.call("proxy.set", {
      on: true,
      sources: ["10.0.0.0/8"],
      allowed: ["239.1.0.0/16", "ff1e::/16"],
      denied: ["239.1.9.0/24"],
      bitsPerSecond: 5_000_000,
    });
    for (const group of ["239.1.1.1", "239.1.9.1", "239.2.1.1"]) await reports(router, world, "lan0", group);
    expect(joined(router)).toEqual(["2 239.1.1.1"]);
    expect((await router.call("stats", {})).counters["membership.refused-by-rules"]).toBe(2);
    expect(lastRules(router, "wan0")).toMatchObject({
      bitsPerSecond: null,
      allowed: { length: 2 },
      denied: { length: 1 },
    });
    // Its own network is taken beside the one that is named.
    expect(lastRules(router, "wan0")!.sources).toHaveLength(2);
    expect(lastRules(router, "lan0")).toEqual({
      sources: undefined,
      allowed: undefined,
      denied: [],
      bitsPerSecond: 5_000_000,
    });
    const moved = {
      ...WAN,
      addresses: [...WAN.addresses, { address: "10.9.0.1", prefixLength: 24, scope: "global" as const }],
    };
    router.links.change([moved, LAN, LAN1], { type: "link-changed", index: 2, name: "wan0" });
    await world.until(() => lastRules(router, "wan0")!.sources?.length === 3, 1_000);
    await router.call("proxy.set", { sources: [], allowed: [], denied: [], bitsPerSecond: null });
    expect(lastRules(router, "wan0")).toEqual({
      sources: undefined,
      allowed: undefined,
      denied: [],
      bitsPerSecond: null,
    });
  });

  test("follows interfaces that come late, go, and take the default route over", async () => {
    const world = new World();
    const router = await Computer.start(world, { ...HOME, links: [LAN] });
    await router.call("proxy.set", { on: true });
    expect(router.status().proxy).toMatchObject({ state: "waiting", downstream: [] });
    const change = (links: Link[]): void =>
      router.links.change(links, { type: "link-changed", index: 2, name: "wan0" });
    change([WAN, LAN]);
    await world.until(() => router.status().proxy.state === "running", 1_000);
    await reports(router, world, "lan0", "239.1.1.1");
    expect(joined(router)).toEqual(["2 239.1.1.1"]);
    const wwan = link("wwan0", { index: 5 });
    change([{ ...WAN, defaultRoute: false }, LAN, wwan]);
    await world.until(() => router.status().proxy.upstream === "wwan0", 1_000);
    expect(router.status().proxy.downstream).toEqual(["lan0"]);
    expect(joined(router)).toEqual(["5 239.1.1.1"]);
  });

  test.each([
    [{ upstream: "lan0", downstream: ["lan0"] }, "cannot be upstream and downstream"],
    [{ allowed: ["10.0.0.0/8"] }, "no range of groups"],
    [{ denied: ["224.0.0.0/3"] }, "no range of groups"],
    [{ sources: ["239.0.0.0/8"] }, "groups, not sources"],
    [{ sources: ["10.0.0.1/8"] }, "bits set"],
  ])("%j is refused, and nothing changes", async (change, message) => {
    const world = new World();
    const router = await Computer.start(world, ROUTER);
    const { message: said, code } = await failure(router.call("proxy.set", { on: true, ...change }));
    expect([code, said]).toEqual(["bad-request", expect.stringContaining(message)]);
    expect(router.status().proxy.state).toBe("off");
  });
});
