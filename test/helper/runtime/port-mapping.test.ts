import { describe, expect, test } from "vitest";
import { decodeInvite } from "#protocol/invite/invite-link.ts";
import { Computer, HOME, host } from "./computer.ts";
import { link } from "./fake-devices.ts";
import { FakeRouter } from "./fake-router.ts";
import { WALL, World } from "./world.ts";

const GATEWAY = { address: "192.168.2.1", metric: 100 };
const LAN = link("eth0", { gateway4: GATEWAY });
const OUTSIDE = "203.0.113.5:42268";

function behind(router: FakeRouter, change: Partial<typeof HOME> = {}) {
  return { ...HOME, links: [LAN], router, ...change };
}
const opened = (router: FakeRouter): string[] => [...router.opened.keys()].sort();
const BOTH = ["tcp 42268", "udp 42268"];

describe("a host behind a router that opens ports", () => {
  test("asks for one once it hosts, and not before", async () => {
    const world = new World();
    const router = new FakeRouter(["pcp"]);
    const home = await Computer.start(world, behind(router));
    await world.run(5_000);
    expect(router.asked.pcp).toBe(0);
    expect(home.status().reach.mapping).toMatchObject({ state: "idle", udp: null });
    await home.call("up", { name: "Home" });
    await world.run(1_000);
    expect(opened(router)).toEqual(BOTH);
    expect(home.status().reach.mapping).toMatchObject({
      state: "mapped",
      method: "pcp",
      udp: OUTSIDE,
      tcp: OUTSIDE,
    });
  });

  test("an invite that is made at once waits for it, and has the outside endpoint first", async () => {
    const world = new World();
    const home = await host(world, behind(new FakeRouter(["upnp"])));
    const { link: invite, endpoints } = await home.call("invite.create", {});
    expect(endpoints[0]).toBe(OUTSIDE);
    expect(decodeInvite(invite, WALL).candidates[0]).toEqual({ host: "203.0.113.5", port: 42268 });
  });

  test("an invite does not wait long for a router that does not answer", async () => {
    const world = new World();
    const home = await host(world, behind(new FakeRouter([])));
    const before = performance.now();
    await world.answer(home.engine.ways.mapping.settled()); // what the invite waits for
    expect(performance.now() - before).toBeLessThan(4_200);
    const { endpoints } = await home.call("invite.create", {});
    expect(endpoints).toEqual(["192.168.2.10:42268"]);
    expect(home.status().reach.mapping.detail).toContain("knows no PCP");
  });

  test("takes it back when it is switched off, disconnected, or ends", async () => {
    const world = new World();
    const router = new FakeRouter(["nat-pmp"]);
    const home = await host(world, behind(router));
    await world.until(() => router.opened.size === 2);
    const off = await home.call("reach.set", { portMapping: false });
    expect(off.mapping).toMatchObject({ state: "off", udp: null });
    await world.until(() => router.opened.size === 0, 1_000);
    expect((await home.call("invite.create", {})).endpoints).not.toContain(OUTSIDE);
    await home.call("reach.set", { portMapping: true });
    await world.until(() => router.opened.size === 2, 1_000);
    await home.call("down", {});
    await world.until(() => router.opened.size === 0, 1_000);
    await home.call("up", {});
    await world.until(() => router.opened.size === 2, 1_000);
    await home.stop();
    expect(opened(router)).toEqual([]);
  });

  test("keeps it when another daemon follows at once; after a crash the next one has it again", async () => {
    const world = new World();
    const router = new FakeRouter(["pcp"]);
    const home = await host(world, behind(router));
    await world.until(() => router.opened.size === 2);
    await home.stop("restarting");
    expect(opened(router)).toEqual(BOTH);
    const again = await home.again();
    await world.until(() => again.status().reach.mapping.state === "mapped", 2_000);
    await again.kill();
    expect(opened(router)).toEqual(BOTH); // for as long as the lease lasts: ten minutes
    const third = await again.again();
    await world.until(() => third.status().reach.mapping.state === "mapped", 2_000);
  });

  test("ends in time though the router is gone", async () => {
    const world = new World();
    const router = new FakeRouter(["pcp"]);
    const home = await host(world, behind(router));
    await world.until(() => router.opened.size === 2);
    router.ways.clear();
    const before = performance.now();
    await world.answer(home.engine.ways.mapping.close(false)); // nothing else takes simulated time here
    expect(performance.now() - before).toBeLessThan(10_000); // a second, on a machine that does nothing else
    await home.stop();
  });

  test("asks the router of another network, with the address that it has there", async () => {
    const world = new World();
    const router = new FakeRouter(["pcp"], "192.168.3.1");
    const home = await host(world, behind(router));
    await world.run(5_000);
    expect(home.status().reach.mapping.state).toBe("none");
    const other = link("wlan0", { index: 3, gateway4: { address: "192.168.3.1", metric: 50 } });
    home.links.change([LAN, other], { type: "default-route-changed" });
    await world.until(() => home.status().reach.mapping.state === "mapped", 1_000);
    expect([...router.opened.values()].every((one) => one.client === "192.168.3.10")).toBe(true);
  });

  test("tells members who are there of the new endpoint", async () => {
    const world = new World();
    const router = new FakeRouter(["pcp"]);
    const home = await host(world, behind(router));
    const laptop = await Computer.start(world, {
      name: "laptop",
      endpoint: { address: "198.51.100.7", port: 5000 },
    });
    await laptop.call("join", { link: await home.invite() });
    const known = (): unknown[] =>
      [
        ...laptop.keeper.state.joined,
        ...laptop.engine.networks.joined.values().map((one) => one.record),
      ].flatMap((one) => one.candidates);
    await world.until(() => known().some((one) => JSON.stringify(one).includes("203.0.113.5")), 5_000);
    expect(laptop.engine.ways.paths.of({ address: "203.0.113.5", port: 42268 })).toBe("mapped");
    router.external = "203.0.113.99";
    home.links.change([LAN], { type: "default-route-changed" });
    await world.until(() => known().some((one) => JSON.stringify(one).includes("203.0.113.99")), 5_000);
    expect(laptop.engine.ways.paths.of({ address: "203.0.113.5", port: 42268 })).toBe("direct");
  });
});

describe("no port is asked for", () => {
  test.each([
    [
      "where the own address is public",
      [
        link("eth0", {
          gateway4: GATEWAY,
          addresses: [{ address: "203.0.113.9", prefixLength: 24, scope: "global" }],
        }),
      ],
    ],
    ["without a router", [link("eth0")]],
    ["by an interface that is down", [link("eth0", { gateway4: GATEWAY, up: false })]],
  ] as const)("%s", async (_what, links) => {
    const world = new World();
    const router = new FakeRouter(["pcp", "nat-pmp", "upnp"]);
    const home = await host(world, behind(router, { links }));
    await world.run(5_000);
    expect(router.asked).toEqual({ pcp: 0, "nat-pmp": 0, upnp: 0 });
    expect(home.status().reach.mapping.state).toBe("idle");
  });
});

test("another NAT in front of the router is said, with the remedy, and its port is no endpoint", async () => {
  const world = new World();
  const router = new FakeRouter(["pcp"]);
  router.external = "10.0.0.7";
  const home = await host(world, behind(router));
  await world.until(() => home.status().reach.mapping.state === "mapped");
  expect(home.status().warnings).toEqual([
    expect.objectContaining({ code: "double-nat", message: expect.stringContaining("not public") }),
  ]);
  expect((await home.call("invite.create", {})).endpoints).toEqual(["192.168.2.10:42268"]);
});
