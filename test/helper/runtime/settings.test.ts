import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Computer, guestOf, HOME, host } from "./computer.ts";
import { failure } from "./failure.ts";
import { FakeJoins, link } from "./fake-devices.ts";
import { World } from "./world.ts";

const HOME_WITH_LAN = { ...HOME, links: [link("eth0")] };

/** After a call that was refused everything goes on: the state can be saved, and a daemon starts from it. */
async function expectSound(of: Computer): Promise<void> {
  await of.call("owners.add", { uid: 4711 });
  await of.kill();
  const again = await of.again();
  expect(again.keeper.state.settings.owners).toContain(4711);
  again.status();
}

describe("static joins and routes", () => {
  test("take effect while the interfaces that they name are there", async () => {
    const world = new World();
    const home = await host(world, HOME);
    const { id } = await home.call("routes.add", { group: "239.9.9.9", fromVif: "eth+", toVifs: [] });
    const active = (): boolean => home.status().routes.find((route) => route.id === id)!.active;
    expect(active()).toBe(false);
    home.links.change([link("eth0")], { type: "link-changed", index: 2, name: "eth0" });
    await world.until(active, 1_000);
    expect([...home.joins.joined]).toEqual([["2 239.9.9.9", "exclude"]]);
    home.links.change([], { type: "link-removed", index: 2, name: "eth0" });
    await world.until(() => !active(), 1_000);
    expect(home.joins.joined.size).toBe(0);
    await home.call("routes.remove", { id });
    expect(home.status().routes).toEqual([]);
    expect((await failure(home.call("routes.remove", { id }))).code).toBe("not-found");
  });

  test("of one source, in the file that it starts with: joined so once, and never for any source", async () => {
    const world = new World();
    const asked = vi.spyOn(FakeJoins.prototype, "set");
    onTestFinished(() => asked.mockRestore());
    const home = await Computer.start(world, {
      ...HOME,
      links: [link("eth0"), link("virbr0", { index: 3 })],
      routes: `
phyint eth0
phyint virbr0
mgroup from eth0 group 225.1.2.3
mgroup from eth0 group 225.1.2.3 source 192.168.1.42
mgroup from virbr0 source 192.168.123.110 group 225.1.2.4
mroute from virbr0 source 192.168.123.110 group 225.1.2.4 to eth0
mgroup from eth0 group 225.3.2.1`,
    });
    const wanted = [
      ["2 225.1.2.3", "include 192.168.1.42"],
      ["2 225.3.2.1", "exclude"],
      ["3 225.1.2.4", "include 192.168.123.110"],
    ];
    expect([...home.joins.joined].sort()).toEqual(wanted);
    await home.call("routes.reload", {});
    await world.run(5_000);
    expect([...home.joins.joined].sort()).toEqual(wanted);
    // Neither the start nor the reload passes through anything wider, or joins twice.
    const said = asked.mock.calls.map(([index, group, { mode, sources }]) => [
      `${index} ${group}`,
      `${mode} ${[...sources].join()}`.trim(),
    ]);
    expect(said.filter(([key]) => key!.includes(" 225.")).sort()).toEqual(wanted);
  });

  test("carry a source's group to a member that did not ask, as long as the route is there", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    const laptop = await guestOf(home, world);
    laptop.engine.core.forwarding.addStaticJoin(1, "239.9.9.9"); // nobody listens there by report
    await home.call("routes.add", {
      group: "239.9.9.0/24",
      source: "192.168.2.5",
      fromVif: "eth0",
      toVifs: ["peer-2"],
    });
    const sent = (): number =>
      home.fast.counters(
        home.engine.networks.hosted!.peerOfMember(home.engine.networks.hosted!.members.byNumber(2)!)!.id,
      ).txPackets;
    const before = sent();
    home.hears("eth0", "239.9.9.1", "192.168.2.5");
    expect(sent()).toBe(before + 1);
    home.hears("eth0", "239.9.9.1", "192.168.2.6"); // another source
    home.hears("eth0", "239.9.8.1", "192.168.2.5"); // another group
    expect(sent()).toBe(before + 1);
  });

  test.each([
    ["a prefix wider than multicast", { group: "224.0.0.0/3" }],
    ["all of IPv4", { group: "0.0.0.0/0" }],
    ["no multicast", { group: "10.0.0.1" }],
    ["a join to a prefix", { group: "239.1.0.0/16", toVifs: [] }],
    ["bits behind the length", { group: "239.1.2.3/16" }],
    ["a length that is none", { group: "239.1.2.3/33" }],
    ["a source of the other family", { source: "2001:db8::1" }],
    ["a join to a prefix of sources", { source: "10.0.0.0/8", toVifs: [] }],
    ["a group that stays on its link", { group: "239.255.255.250" }],
    ["a source that no packet from elsewhere has", { source: "127.0.0.1" }],
    ["a source that is a group", { source: "239.1.2.3" }],
    ["text that only looks like an address", { group: "::::" }],
  ])("%s is refused, and does no harm", async (_what, change) => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    const entry = { group: "239.1.2.3", fromVif: "eth0", toVifs: ["castaway0"], ...change };
    expect((await failure(home.call("routes.add", entry))).code).toBe("bad-request");
    expect(home.status().routes).toEqual([]);
    await expectSound(home);
  });

  test("are 1,024 at most", async () => {
    const world = new World();
    const home = await host(world);
    const { keeper } = home;
    const one = { group: { address: "239.1.1.1", length: 32 }, source: null, fromVif: "x", toVifs: [] };
    keeper.setSettings({ routes: Array.from({ length: 1024 }, (_, i) => ({ id: `r${i}`, ...one })) });
    const call = home.call("routes.add", { group: "239.1.1.2", fromVif: "eth0", toVifs: [] });
    expect((await failure(call)).code).toBe("conflict");
  });
});

describe("what the contract lets through and the store would not", () => {
  const odd = "e\u200dth"; // a joiner of no width
  test.each<[string, (home: Computer) => Promise<unknown>]>([
    ["a LAN's name", (home) => home.call("lans.set", { name: odd, mode: "full" })],
    [
      "a route's interface",
      (home) => home.call("routes.add", { group: "239.1.1.1", fromVif: odd, toVifs: [] }),
    ],
    ["an endpoint without a name", (home) => home.call("invite.create", { endpoints: ["..:42268"] })],
    [
      "an endpoint with a wrong address",
      (home) => home.call("invite.create", { endpoints: ["[::::]:42268"] }),
    ],
    ["an endpoint of digits", (home) => home.call("invite.create", { endpoints: ["1.2.3:42268"] })],
    ["an endpoint without a port", (home) => home.call("invite.create", { endpoints: ["home.example:0"] })],
    ["a port that is none", (home) => home.call("invite.create", { endpoints: ["home.example:65536"] })],
  ])("%s: the state can still be saved", async (_what, call) => {
    const world = new World();
    const home = await host(world);
    await expect(call(home)).rejects.toThrow();
    await expectSound(home);
  });

  test("more LANs and owners than a state holds", async () => {
    const world = new World();
    const home = await host(world);
    const { settings } = home.keeper.state;
    home.keeper.setSettings({
      lans: Array.from({ length: 1024 }, (_, i) => ({ name: `x${i}`, mode: "off" })),
      owners: Array.from({ length: 256 }, (_, i) => i + 5000),
    });
    expect(settings.lans).toEqual([]);
    expect((await failure(home.call("lans.set", { name: "eth0", mode: "full" }))).code).toBe("conflict");
    expect((await failure(home.call("owners.add", { uid: 1 }))).code).toBe("conflict");
    await home.call("owners.add", { uid: 5000 }); // is one already
    await home.call("lans.set", { name: "x7", mode: "full" });
    await home.call("owners.remove", { uid: 5001 });
    await home.call("owners.add", { uid: 1 });
  });

  test("names of networks and computers", async () => {
    const world = new World();
    const home = await Computer.start(world, { ...HOME, name: `${"x".repeat(60)}\ue000` });
    await home.call("up", { name: "\ue000" });
    expect(home.status().networks[0]!.name).not.toBe("");
    await expectSound(home);
  });
});

test("a thousand open invites: the next one has to wait for a place", async () => {
  const world = new World();
  const home = await host(world);
  const network = home.engine.networks.hosted!;
  for (let i = 0; i < 1000; i++) network.createInvite({ secret: world.random.bytes(16), candidates: [] });
  const { code, remedy } = await failure(home.call("invite.create", {}));
  expect(code).toBe("conflict");
  expect(remedy).toContain("revoke");
});

test("endpoints that were said are remembered, the latest first, eight at most", async () => {
  const world = new World();
  const home = await host(world, HOME_WITH_LAN);
  for (let i = 1; i <= 9; i++) await home.call("invite.create", { endpoints: [`home${i}.example:42268`] });
  const { endpoints } = await home.call("invite.create", { endpoints: ["[2001:db8::1]:9"] });
  expect(endpoints.slice(0, 2)).toEqual(["[2001:db8::1]:9", "home9.example:42268"]);
  expect(endpoints).toHaveLength(8);
});

test("an invite names the computer's own addresses where nobody said any", async () => {
  const world = new World();
  const home = await host(world, HOME_WITH_LAN);
  const { endpoints } = await home.call("invite.create", {});
  expect(endpoints).toEqual(["192.168.2.10:42268"]);
});

describe("the ways to be reached", () => {
  test("are kept over a restart, and what is not named stays", async () => {
    const world = new World();
    const home = await host(world, HOME);
    const before = await home.call("reach.get", {});
    const change = { dht: !before.dht, meet: "Meet.example:4443", dhtBootstrap: ["[2001:DB8::1]:49737"] };
    const expected = { ...before, ...change, dhtBootstrap: ["[2001:db8::1]:49737"] };
    expect(await home.call("reach.set", change)).toEqual(expected);
    expect(home.status().reach).toEqual(expected);
    await home.kill();
    const again = await home.again();
    expect(await again.call("reach.set", { meet: "off" })).toEqual({ ...expected, meet: "off" });
  });

  test.each([{ meet: "meet.example:0" }, { proxy: "1.2.3:99" }, { dhtBootstrap: ["a_b.:1"] }])(
    "%j is refused, and does no harm",
    async (change) => {
      const world = new World();
      const home = await host(world, HOME);
      const before = await home.call("reach.get", {});
      expect((await failure(home.call("reach.set", change))).code).toBe("bad-request");
      expect(await home.call("reach.get", {})).toEqual(before);
      await expectSound(home);
    },
  );
});

describe("presets", () => {
  test("widen what members may join, are told to them, and are kept", async () => {
    const world = new World();
    const home = await host(world, HOME);
    const away = await guestOf(home, world);
    const shared = () => away.status().networks[0]!.sharedRanges;
    expect(shared()).not.toContain("224.0.2.60/32");
    const crosses = () => away.engine.core.forwarding.mayCross("224.0.2.60");
    expect(crosses()).toBe(false);
    const set = await home.call("presets.set", { preset: "minecraft", on: true });
    expect(set).toMatchObject({ name: "minecraft", on: true, proxies: [], lanAccess: true });
    await world.run(1_000);
    expect(shared()).toContain("224.0.2.60/32");
    expect(crosses()).toBe(true);
    expect(home.status().sharing.presets).toEqual(["minecraft"]);
    await home.kill();
    const again = await home.again();
    expect(again.engine.core.forwarding.mayCross("224.0.2.60")).toBe(true);
    await again.call("presets.set", { preset: "minecraft", on: false });
    expect(again.engine.core.forwarding.mayCross("224.0.2.60")).toBe(false);
    const { presets } = await again.call("presets.list", {});
    expect(presets.filter(({ on }) => on)).toEqual([]);
  });

  test("one that nobody knows is refused", async () => {
    const home = await host(new World(), HOME);
    const unknown = await failure(home.call("presets.set", { preset: "nonsense", on: true }));
    expect(unknown.code).toBe("not-found");
    await expectSound(home);
  });
});

describe("a group's TTL", () => {
  test("is raised by the fast path, shown, and kept over a restart", async () => {
    const home = await host(new World(), HOME);
    await home.call("groups.raise-ttl", { group: "239.1.2.3", on: true });
    await home.call("groups.raise-ttl", { group: "FF15::1", on: true });
    expect(home.status().sharing.raisedTtl).toEqual(["239.1.2.3", "ff15::1"]);
    await home.kill();
    const again = await home.again();
    const told = () => again.fast.commands.findLast((command) => command.type === "raise-ttl");
    expect(told()).toMatchObject({ groups: { length: 8 } });
    await again.call("groups.raise-ttl", { group: "239.1.2.3", on: false });
    expect(told()).toMatchObject({ groups: { length: 4 } });
  });

  test.each(["192.0.2.1", "2001:db8::1", "239.0.0.0/8"])(
    "of %s is not raised: it is no group",
    async (group) => {
      const home = await host(new World(), HOME);
      expect((await failure(home.call("groups.raise-ttl", { group, on: true }))).code).toBe("bad-request");
      await expectSound(home);
    },
  );
});
