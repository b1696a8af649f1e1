import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Computer, guestOf, host, PHONE } from "./computer.ts";
import { World } from "./world.ts";

const connected = (of: Computer): boolean => of.status().networks[0]?.state === "connected";
const present = (of: Computer): number =>
  of.status().networks[0]!.members.filter(({ online }) => online).length;

/** What comes back must be the same network in every respect that anybody wrote down. */
function lasting(of: Computer) {
  const { id, name, ownAddresses, prefixes, members } = of.status().networks[0]!;
  return {
    id,
    name,
    ownAddresses,
    prefixes,
    members: members.map(({ number, name, addresses }) => ({ number, name, addresses })),
  };
}

describe("a host that is killed and started again", () => {
  test("has its members back within two seconds, where it heard them last, with the same addresses", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world);
    const phone = await guestOf(home, world, PHONE);
    laptop.joinsGroup("239.1.1.1");
    await world.run(2_000);
    const before = [lasting(home), lasting(laptop)];
    await home.kill();
    await world.run(700);
    const back = await home.again();
    expect(await world.until(() => present(back) === 3, 2_000)).toBeLessThan(2_000);
    expect([lasting(back), lasting(laptop)]).toEqual(before);
    // What the guest wants is known again, without another report.
    await world.until(() => back.engine.core.forwarding.dump().groups.length > 0, 2_000);
    back.hears("castaway0", "239.1.1.1", "10.0.0.1");
    await world.run(100);
    expect(laptop.fast.delivered).toHaveLength(1);
    expect(phone.fast.delivered).toHaveLength(0);
  });

  test("without its cache is found by its guests all the same", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world);
    await world.run(2_000);
    await home.kill();
    rmSync(join(home.folder, "cache.json"), { force: true });
    const back = await home.again();
    await world.until(() => present(back) === 2, 120_000);
    expect(connected(laptop)).toBe(true);
  });

  test("finds guests where they are now, not where they were", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world);
    laptop.moveTo({ address: "198.51.100.200", port: 999 });
    laptop.engine.networks.handleNetworkChanged(performance.now());
    laptop.engine.core.turn();
    await world.until(() => home.status().networks[0]!.members[1]!.endpoint === "198.51.100.200:999");
    await world.run(2_000);
    await home.kill();
    const back = await home.again();
    expect(await world.until(() => present(back) === 2, 5_000)).toBeLessThan(2_000);
  });
});

test("a host that ends in order says so: its guests wait, and keep their addresses", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  const { addresses } = laptop.tun;
  await home.stop("restarting");
  await world.run(100);
  expect(laptop.status().networks[0]!.state).toBe("connecting");
  expect(laptop.tun.addresses).toEqual(addresses);
  expect(home.tun.state).toBe("closed"); // kept for the daemon that follows
  const back = await home.again();
  await world.until(() => connected(laptop) && present(back) === 2, 5_000);
});

test("a daemon that ends for good takes its device away", async () => {
  const world = new World();
  const home = await host(world);
  await home.stop();
  expect(home.tun.state).toBe("removed");
});

test("a guest that is killed and started again calls where it heard its host last", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  await world.run(2_000);
  const before = lasting(laptop);
  await laptop.kill();
  const back = await laptop.again();
  expect(back.tun.addresses).toEqual(laptop.tun.addresses); // at once: programs may bind to them
  expect(
    await world.until(() => connected(back) && back.status().networks[0]!.members.length === 2),
  ).toBeLessThan(1_000);
  expect(lasting(back)).toEqual(before);
  expect(home.status().networks[0]!.members).toHaveLength(2);
});

test("everybody at once, with 10 % loss", async () => {
  const world = new World(3);
  const home = await host(world);
  const laptop = await guestOf(home, world);
  const phone = await guestOf(home, world, PHONE);
  await world.run(2_000);
  Object.assign(world.path, { loss: 0.1, latency: 30, jitter: 60 });
  for (const one of [home, laptop, phone]) await one.kill();
  const [h, l, p] = [await home.again(), await laptop.again(), await phone.again()];
  await world.until(() => [h, l, p].every((one) => connected(one) && present(one) === 3));
  expect(lasting(h).members).toEqual(lasting(l).members);
});

test("settings that people made come back: LANs, routes, owners, endpoints, names", async () => {
  const world = new World();
  const home = await host(world);
  await home.call("lans.set", { name: "eth9", mode: "local" });
  await home.call("routes.add", { group: "239.9.9.9", fromVif: "eth9", toVifs: [] });
  await home.call("owners.add", { uid: 1000 });
  const link = await home.invite();
  await home.kill();
  const back = await home.again();
  const { settings } = back.keeper.state;
  expect(settings).toMatchObject({
    lans: [{ name: "eth9", mode: "local" }],
    owners: [1000],
    endpoints: [{ host: "192.0.2.1", port: 42268 }],
    routes: [{ fromVif: "eth9", toVifs: [] }],
  });
  expect(back.status().networks[0]!.invites).toHaveLength(1);
  await guestOf(back, world);
  expect(link).not.toBe("");
});

test("nothing is written while nothing changes", async () => {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  await world.run(5_000);
  await world.answer(laptop.keeper.saveNow());
  const before = readFileSync(join(laptop.folder, "state.json"), "utf8");
  const writes: string[] = [];
  Object.assign(laptop.keeper, { changed: () => writes.push("state") });
  await world.run(300_000);
  expect(writes).toEqual([]);
  expect(readFileSync(join(laptop.folder, "state.json"), "utf8")).toBe(before);
});
