import { describe, expect, test } from "vitest";
import { type Computer, guestOf, HOME, host, LAPTOP, PHONE } from "./computer.ts";
import { failure } from "./failure.ts";
import { link } from "./fake-devices.ts";
import { World } from "./world.ts";
import { parsePrefix } from "#wire/address.ts";
import { decodeRouterAdvertisement } from "#wire/router-discovery.ts";

const WITH_LAN = { ...HOME, links: [link("eth0")] }; // 192.168.2.0/24
const AWAY = { ...LAPTOP, links: [link("wlan0", { index: 7 })] }; // 192.168.7.0/24
const SAME = { ...PHONE, links: [link("wlan0")] };

const access = (of: Computer) => of.status().networks[0]!.lanAccess;
const uses = (of: Computer) => access(of).lans.map(({ use }) => use);

describe("a host that shares its LAN", () => {
  test("lets members in, says what that opens, and takes it back", async () => {
    const world = new World();
    const home = await host(world, WITH_LAN);
    const laptop = await guestOf(home, world, AWAY);
    expect(uses(laptop)).toEqual([]);
    const { networks } = await home.call("share.lan", { on: true });
    expect(networks[0]!.lanAccess.opens[0]).toContain("every device in 192.168.2.0/24 (eth0)");
    expect(home.gateway.rules).toContain("ip daddr 192.168.2.0/24 accept");
    await world.until(() => uses(laptop).length === 1, 2_000);
    expect(uses(laptop)).toEqual(["192.168.2.0/24"]);
    const [, own4] = laptop.status().networks[0]!.ownAddresses;
    expect(laptop.tun.config.lans).toEqual([
      { prefix: { address: "192.168.2.0", length: 24 }, source: own4 },
    ]);
    await home.call("share.lan", { on: false });
    expect(home.gateway.rules).toBeUndefined();
    await world.until(() => uses(laptop).length === 0, 5_000);
    expect(laptop.tun.config.lans).toEqual([]);
  });

  test("a guest with the same network gets other addresses, until it is elsewhere", async () => {
    const world = new World();
    const home = await host(world, WITH_LAN);
    await home.call("share.lan", { on: true });
    const phone = await guestOf(home, world, SAME);
    const { mapped } = access(home).lans[0]!;
    expect(access(phone).lans[0]).toMatchObject({ use: mapped, clash: "192.168.2.0/24" });
    expect(access(phone).lans[0]!.detail).toContain("for 192.168.2.20");
    phone.links.change([link("wlan0", { index: 7 })], { type: "resync" });
    await world.until(() => uses(phone)[0] === "192.168.2.0/24", 2_000);
    expect(access(phone).lans[0]!.clash).toBeNull();
  });

  test("keeps it over a restart, as the guest keeps its way while the host is away", async () => {
    const world = new World();
    const home = await host(world, WITH_LAN);
    const laptop = await guestOf(home, world, AWAY);
    await home.call("share.lan", { on: true, interfaces: ["eth0"] });
    await world.until(() => uses(laptop).length === 1, 2_000);
    await home.stop();
    expect(home.gateway.rules).toBeUndefined();
    await world.run(500);
    expect(laptop.tun.config.lans).toHaveLength(1);
    const back = await home.again();
    await world.answer(back.engine.lanSharing.settled());
    expect(back.gateway.rules).toBeDefined();
  });

  test("an interface that appears later is not opened unasked, and what vanishes is told", async () => {
    const world = new World();
    const home = await host(world, WITH_LAN);
    await home.call("share.lan", { on: true });
    const other = link("docker0", { index: 5, kind: "bridge", defaultRoute: false });
    home.links.change([link("eth0"), other], { type: "link-changed", index: 5, name: "docker0" });
    await world.run(200);
    expect(uses(home)).toEqual(["192.168.2.0/24"]);
    home.links.change([other], { type: "link-removed", index: 2, name: "eth0" });
    await world.run(100);
    await world.answer(home.engine.lanSharing.settled());
    expect(uses(home)).toEqual([]);
    expect(access(home).leftOut).toEqual([
      { interface: "eth0", prefix: null, reason: "there is no such interface now" },
    ]);
    expect(home.gateway.rules).toBeUndefined();
  });

  test("is carried elsewhere: the network that it finds there is not opened, and at home it goes on", async () => {
    const world = new World();
    const home = await host(world, { ...WITH_LAN, links: [link("eth0"), link("eth5", { index: 5 })] });
    await home.call("share.lan", { on: true, interfaces: ["eth0"] });
    await home.call("share.subnet", { on: true, interface: "eth5" });
    const settled = async (): Promise<void> => {
      await world.run(200);
      await world.answer(home.engine.lanSharing.settled());
    };
    const hotel = [{ address: "10.9.9.9", prefixLength: 24, scope: "global" as const }];
    home.links.change([link("eth0", { addresses: hotel }), link("eth5", { index: 5, addresses: hotel })], {
      type: "resync",
    });
    await settled();
    expect(home.gateway.rules).toBeUndefined();
    expect(access(home).leftOut[0]!.reason).toContain("another network");
    expect(access(home).subnet).toMatchObject({ active: false });
    const advertised = home.gateway.advertised.get("eth5")!;
    expect(decodeRouterAdvertisement(advertised.at(-1)!)!.routerLifetime).toBe(0);
    home.links.change([link("eth0"), link("eth5", { index: 5 })], { type: "resync" });
    await settled();
    expect(uses(home)).toEqual(["192.168.2.0/24"]);
    expect(access(home).subnet).toMatchObject({ active: true });
  });

  test("does not stay without its rules, where somebody flushed them", async () => {
    const world = new World();
    const home = await host(world, WITH_LAN);
    await home.call("share.lan", { on: true });
    home.gateway.rules = undefined;
    await world.run(31_000);
    await world.answer(home.engine.lanSharing.settled());
    expect(home.gateway.rules).toBeDefined();
  });

  test("goes down with its network", async () => {
    const world = new World();
    const home = await host(world, WITH_LAN);
    await home.call("share.lan", { on: true });
    await home.call("down", {});
    await world.answer(home.engine.lanSharing.settled());
    expect(home.gateway.rules).toBeUndefined();
    expect((await failure(home.call("share.lan", { on: true }))).code).toBe("conflict");
  });

  test.each([
    ["nftables refuses", (home: Computer) => (home.gateway.refuses = "no nft"), {}, "no nft"],
    ["there is no such interface", () => {}, { interfaces: ["eth9"] }, 'no interface "eth9"'],
    [
      "the network is public",
      (home: Computer) =>
        (home.links.links = [
          link("eth0", { addresses: [{ address: "203.0.113.5", prefixLength: 24, scope: "global" }] }),
        ]),
      { interfaces: ["eth0"] },
      "only private networks",
    ],
  ])("%s: an error, and it stays off", async (_what, spoil, params, message) => {
    const world = new World();
    const home = await host(world, WITH_LAN);
    spoil(home);
    home.engine.settingsChanged();
    const error = await failure(home.call("share.lan", { on: true, ...params }));
    expect(error.message).toContain(message);
    expect(error.remedy).not.toBeNull();
    expect(access(home).on).toBe(false);
    expect(home.gateway.rules).toBeUndefined();
  });
});

test("two hosts with the same LAN: the first one's has its addresses, the second one's is mapped", async () => {
  const world = new World();
  const first = await host(world, WITH_LAN, "First");
  const second = await host(
    world,
    { ...WITH_LAN, name: "second", endpoint: { address: "192.0.2.99", port: 42268 } },
    "Second",
  );
  for (const one of [first, second]) await one.call("share.lan", { on: true });
  const laptop = await guestOf(first, world, AWAY);
  await laptop.call("join", { link: await second.invite() });
  await world.run(1_000);
  const lans = laptop.status().networks.map(({ lanAccess }) => lanAccess.lans[0]!);
  expect(lans[0]!.use).toBe("192.168.2.0/24");
  expect(lans[1]!.use).toBe(lans[1]!.mapped);
  await laptop.call("share.use", { network: "First", on: false });
  expect(laptop.status().networks[1]!.lanAccess.lans[0]!.use).toBe("192.168.2.0/24");
});

describe("a member that is the router of its own /64", () => {
  test("forwards for it, tells the hosts of the link, and takes leave of them", async () => {
    const world = new World();
    const home = await host(world, WITH_LAN);
    await home.call("share.lan", { on: true });
    const laptop = await guestOf(home, world, {
      ...AWAY,
      links: [link("wlan0", { index: 7 }), link("eth5", { index: 5, addresses: [], defaultRoute: false })],
    });
    const { networks } = await laptop.call("share.subnet", { on: true, interface: "eth5" });
    const { subnet, opens } = networks[0]!.lanAccess;
    const own6 = laptop.status().networks[0]!.ownAddresses[0]!;
    expect(subnet).toMatchObject({ interface: "eth5", active: true, prefix: own6.replace(/::1$/, "::/64") });
    expect(opens.join()).toContain("Every host on eth5");
    expect(laptop.gateway.rules).toContain(`iifname "eth5" ip6 saddr ${subnet!.prefix} ip6 daddr`);
    expect([...laptop.gateway.routes]).toEqual([`${subnet!.prefix} eth5`]);
    const sent = laptop.gateway.advertised.get("eth5")!;
    await world.until(() => sent.length > 0, 1_000);
    expect(decodeRouterAdvertisement(sent[0]!)!.prefixes[0]!.prefix).toEqual(parsePrefix(subnet!.prefix));
    await laptop.call("share.subnet", { on: false });
    expect(decodeRouterAdvertisement(sent.at(-1)!)!.routerLifetime).toBe(0);
    expect(laptop.gateway.rules).toBeUndefined();
    expect(laptop.gateway.routes.size).toBe(0);
    expect(laptop.status().networks[0]!.lanAccess.subnet).toBeNull();
  });

  test("is one again after a restart, and ends with the service", async () => {
    const world = new World();
    const home = await host(world, WITH_LAN);
    await home.call("share.subnet", { on: true, interface: "eth0" });
    await home.stop();
    const sent = home.gateway.advertised.get("eth0")!;
    expect(decodeRouterAdvertisement(sent.at(-1)!)!.routerLifetime).toBe(0);
    const back = await home.again();
    await world.answer(back.engine.lanSharing.settled());
    await world.run(100);
    expect(back.gateway.advertised.get("eth0")!.length).toBeGreaterThan(0);
  });

  test.each([
    ["no interface named", {}, "bad-request"],
    ["one that is not there", { interface: "eth9" }, "not-found"],
    ["one that is down", { interface: "eth3" }, "conflict"],
  ])("%s: an error, and nothing is switched on", async (_what, params, code) => {
    const world = new World();
    const links = [link("eth0"), link("eth3", { index: 3, running: false })];
    const home = await host(world, { ...HOME, links });
    expect((await failure(home.call("share.subnet", { on: true, ...params }))).code).toBe(code);
    expect(access(home).subnet).toBeNull();
    expect(home.gateway.rules).toBeUndefined();
  });
});
