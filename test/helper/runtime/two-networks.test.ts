import { expect, test } from "vitest";
import { Computer, guestOf, host, LAPTOP, PHONE, type ComputerOptions } from "./computer.ts";
import { failure } from "./failure.ts";
import { link } from "./fake-devices.ts";
import { World } from "./world.ts";

const CABIN: ComputerOptions = { name: "cabin", endpoint: { address: "203.0.113.77", port: 42268 } };
const states = (of: Computer): string[] =>
  of.status().networks.map(({ name, role, state }) => `${name} ${role} ${state}`);

/** The laptop is a guest of two networks, each with another guest. */
async function between(world: World) {
  const home = await host(world);
  const cabin = await host(world, CABIN, "Cabin");
  const laptop = await guestOf(home, world);
  await laptop.call("join", { link: await cabin.invite() });
  await world.run(1_000);
  const phone = await guestOf(cabin, world, PHONE);
  return { home, cabin, laptop, phone };
}

test("a guest of two networks has addresses in both, and its programs hear both", async () => {
  const world = new World();
  const { home, cabin, laptop } = await between(world);
  expect(states(laptop)).toEqual(["Home guest connected", "Cabin guest connected"]);
  expect(laptop.tun.addresses).toHaveLength(4);
  expect(new Set(laptop.tun.routes).size).toBe(laptop.tun.routes.length);
  laptop.joinsGroup("239.1.1.1");
  await world.run(500);
  home.hears("castaway0", "239.1.1.1", "10.0.0.1");
  cabin.hears("castaway0", "239.1.1.1", "10.0.0.2");
  await world.run(100);
  expect(laptop.fast.delivered).toHaveLength(2);
});

test("is no way from one into the other: neither what is wanted nor what is sent", async () => {
  const world = new World();
  const { home, cabin, laptop, phone } = await between(world);
  phone.joinsGroup("239.1.1.1");
  await world.run(500);
  // The cabin's host knows the wish, the laptop does not hand it to the other network.
  expect(cabin.engine.core.forwarding.dump().groups).toHaveLength(1);
  expect(home.engine.core.forwarding.dump().groups).toEqual([]);
  home.hears("castaway0", "239.1.1.1", "10.0.0.1");
  cabin.hears("castaway0", "239.1.1.1", "10.0.0.2");
  await world.run(100);
  expect(phone.fast.delivered).toHaveLength(1);
  // And a peer's packets have no way to a peer of the other network, whoever listens there.
  for (const name of laptop.vifNames().filter((one) => one.startsWith("host-")))
    laptop.hears(name, "239.1.1.1", "10.0.0.3");
  await world.run(100);
  expect(phone.fast.delivered).toHaveLength(1);
});

test("between two guests of one network the host forwards", async () => {
  const world = new World();
  const { cabin, laptop, phone } = await between(world);
  phone.joinsGroup("ff1e::7");
  await world.run(500);
  laptop.hears("castaway0", "ff1e::7", "2001:db8::1");
  await world.run(200);
  expect(phone.fast.delivered).toHaveLength(1);
  expect(cabin.fast.delivered).toEqual([]); // nobody there listens
  phone.joinsGroup("ff1e::7", false);
  await world.until(() => cabin.engine.core.forwarding.dump().groups.length === 0);
  laptop.hears("castaway0", "ff1e::7", "2001:db8::1");
  await world.run(200);
  expect(phone.fast.delivered).toHaveLength(1);
});

test("leaving one of them leaves the other as it is", async () => {
  const world = new World();
  const { laptop } = await between(world);
  expect((await failure(laptop.call("leave", {}))).message).toContain("which network");
  const kept = laptop.tun.addresses.slice(2);
  await laptop.call("leave", { network: "Home" });
  expect(states(laptop)).toEqual(["Cabin guest connected"]);
  expect(laptop.tun.addresses).toEqual(kept);
  expect(laptop.tun.leads("239.1.1.1")).toBe(true);
  await laptop.call("down", { network: "Cabin" });
  expect(laptop.tun.leads("239.1.1.1")).toBe(false);
});

test("one switched off: the other one still says who has its groups", async () => {
  const world = new World();
  const { home, cabin, laptop } = await between(world);
  laptop.joinsGroup("239.1.1.1");
  await world.run(500);
  await laptop.call("down", { network: "Cabin" });
  await world.run(500);
  home.hears("castaway0", "239.1.1.1", "10.0.0.1");
  cabin.hears("castaway0", "239.1.1.1", "10.0.0.2");
  await world.run(100);
  expect(laptop.fast.delivered).toHaveLength(1);
});

test("two networks of one name are told apart by their ids", async () => {
  const world = new World();
  const home = await host(world);
  const cabin = await host(world, CABIN, "Home");
  const laptop = await guestOf(home, world);
  await laptop.call("join", { link: await cabin.invite() });
  expect((await failure(laptop.call("leave", { network: "Home" }))).code).toBe("conflict");
  const [, second] = laptop.status().networks;
  await laptop.call("leave", { network: second!.id });
  expect(laptop.status().networks).toHaveLength(1);
});

test("two hosts can be each other's guests", async () => {
  const world = new World();
  const home = await host(world);
  const cabin = await host(world, CABIN, "Cabin");
  await cabin.call("join", { link: await home.invite() });
  await home.call("join", { link: await cabin.invite() });
  await world.run(2_000);
  expect(states(home)).toEqual(["Home host connected", "Cabin guest connected"]);
  expect(states(cabin)).toEqual(["Cabin host connected", "Home guest connected"]);
  cabin.joinsGroup("239.1.1.1");
  await world.run(500);
  home.hears("castaway0", "239.1.1.1", "10.0.0.1");
  await world.run(200);
  expect(cabin.fast.delivered.length).toBeGreaterThan(0);
  await cabin.kill();
  const back = await cabin.again();
  await world.until(() => states(back).every((state) => state.endsWith("connected")), 5_000);
  await world.until(() => back.status().networks[0]!.members[1]!.online);
});

test("seventeen networks on a shared LAN: more than its members can tell each other of", async () => {
  const world = new World();
  const laptop = await Computer.start(world, {
    ...LAPTOP,
    links: [link("eth0")],
    lans: [{ name: "eth0", mode: "full" }],
  });
  for (let i = 0; i < 17; i++) {
    const one = await host(
      world,
      { name: `h${i}`, endpoint: { address: `203.0.113.${i}`, port: 1 } },
      `N${i}`,
    );
    await laptop.call("join", { link: await one.invite() });
  }
  expect(states(laptop)).toHaveLength(17);
  await laptop.kill();
  const again = await laptop.again();
  await world.until(() => states(again).every((state) => state.endsWith("connected")));
  expect(again.log.lines().some(({ message }) => message.includes("more networks than"))).toBe(true);
});
