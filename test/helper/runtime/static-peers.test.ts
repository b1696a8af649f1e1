// Computers that have each other in a file: no host, no invite.
import { expect, test } from "vitest";
import { originId } from "#protocol/addressing/network-id.ts";
import { keyPair } from "#noise/x25519.ts";
import { Computer, guestOf, HOME, LAPTOP, PHONE, type ComputerOptions } from "./computer.ts";
import { failure } from "./failure.ts";
import { World } from "./world.ts";

const PSK = new Uint8Array(32).fill(7).toBase64();
const OTHER_PSK = new Uint8Array(32).fill(8).toBase64();

async function start(world: World, ...all: readonly ComputerOptions[]): Promise<Computer[]> {
  const computers: Computer[] = [];
  for (const options of all) computers.push(await Computer.start(world, options));
  return computers;
}

function lineOf(
  { options: { name }, key, endpoint: { address, port } }: Computer,
  more = "",
  reached = true,
) {
  const host = address.includes(":") ? `[${address}]` : address;
  return `peer ${name} key ${key}${reached ? ` endpoint ${host}:${port}` : ""} ${more}\n`;
}

async function use(computer: Computer, text: string): Promise<void> {
  computer.writePeers(text);
  await computer.call("routes.reload", {});
}

/** Each has each other one in its file. */
async function mesh(world: World, ...all: readonly ComputerOptions[]): Promise<Computer[]> {
  const computers = await start(world, ...all);
  for (const one of computers)
    await use(
      one,
      computers
        .filter((other) => other !== one)
        .map((other) => lineOf(other))
        .join(""),
    );
  await world.run(3_000);
  return computers;
}

const network = (of: Computer) => of.status().networks.find(({ role }) => role === "static")!;
const online = (of: Computer): string[] =>
  network(of)
    .members.filter((member) => member.online && !member.self)
    .map(({ name }) => name);

test("two with each other's keys are one network, whoever called", async () => {
  const world = new World();
  const [home, laptop] = (await mesh(world, HOME, LAPTOP)) as [Computer, Computer];
  expect(network(home)).toMatchObject({
    name: "static",
    state: "connected",
    detail: "1 of 1 peer of the peers file is here.",
    ownNumber: 1,
  });
  expect(network(home).id).toBe(network(laptop).id);
  expect(online(home)).toEqual(["laptop"]);
  expect(online(laptop)).toEqual(["home"]);
  // Each knows the other's addresses, which follow from keys.
  expect(network(home).members[1]!.addresses).toEqual(network(laptop).ownAddresses);
  expect(laptop.vifNames()).toContain("peer-home");
  expect(laptop.status().vifs.find(({ name }) => name === "peer-home")).toMatchObject({
    kind: "peer",
    networkId: network(laptop).id,
    memberNumber: 2,
  });
  expect(laptop.tun.leads("239.1.1.1")).toBe(true);
  expect((await home.call("ping", { network: "static", member: 2 })).by).toBe("session");

  for (const [from, to, group, source] of [
    [home, laptop, "239.1.1.1", "10.0.0.1"],
    [laptop, home, "ff1e::7", "2001:db8::1"],
  ] as const) {
    to.joinsGroup(group);
    await world.run(500);
    from.hears("castaway0", group, source);
    await world.run(100);
    expect(to.fast.delivered).toHaveLength(1);
  }
});

test("one end alone needs an endpoint, and is found again after it or the other has started anew", async () => {
  const world = new World();
  const [home, laptop] = (await start(world, HOME, LAPTOP)) as [Computer, Computer];
  await use(home, lineOf(laptop, "", false));
  await use(laptop, lineOf(home));
  await world.until(() => online(home).length === 1);
  await home.kill();
  const again = await home.again();
  // It was heard before: it is called where that was, although the file does not say where.
  const took = await world.until(() => online(again).length === 1 && online(laptop).length === 1);
  expect(took).toBeLessThan(2_000);
  // Where nobody answers any more nobody is called for ever, where the file has no endpoint.
  await laptop.kill();
  await world.run(300_000); // its keys are worth nothing after three minutes, which is one more try
  const sent = world.datagrams;
  await world.run(120_000);
  expect(world.datagrams).toBe(sent);
  await laptop.again({ endpoint: { address: "198.51.100.8", port: 6000 } });
  await world.until(() => online(again).length === 1);
});

test("a key that is not in the file gets no answer, and is counted; nor does one with another psk", async () => {
  const world = new World();
  const [home, laptop, phone] = (await start(world, HOME, LAPTOP, PHONE)) as [Computer, Computer, Computer];
  await use(home, lineOf(phone, `psk ${PSK}`, false));
  await use(laptop, lineOf(home));
  await use(phone, lineOf(home, `psk ${OTHER_PSK}`));
  const answers = new Map<string, number>();
  world.filter = (from, to) => {
    if (from.address === HOME.endpoint.address) answers.set(to.address, (answers.get(to.address) ?? 0) + 1);
    return true;
  };
  await world.run(3_000);
  const { counters } = await home.call("stats", {});
  expect(counters["session.handshakes-dropped-stranger"]).toBeGreaterThan(2);
  expect([online(home), online(laptop), online(phone)]).toEqual([[], [], []]);
  expect(network(laptop).state).toBe("connecting");
  // The phone's key is in the file: what it is answered is sealed with the psk, and opens for nobody else.
  const { counters: atPhone } = await phone.call("stats", {});
  expect(atPhone["session.unknown-frames"]).toBeGreaterThan(0);
  expect(answers.get(PHONE.endpoint.address)).toBeGreaterThan(0);
  expect(answers.get(LAPTOP.endpoint.address)).toBeUndefined();
  await use(home, lineOf(phone, `psk ${OTHER_PSK}`, false));
  await world.until(() => online(phone).length === 1 && online(home).length === 1);
  const { checks } = await home.call("doctor", { topic: "networks" });
  expect(checks).toContainEqual(expect.objectContaining({ name: "peer phone", status: "ok" }));
  const { checks: missed } = await laptop.call("doctor", { topic: "networks" });
  expect(missed).toContainEqual(
    expect.objectContaining({
      name: "peer home",
      status: "fail",
      message: expect.stringContaining("192.0.2.1:42268"),
    }),
  );
});

test("three that have each other hear each packet once, and none passes on for the others", async () => {
  const world = new World();
  const [home, laptop, phone] = (await mesh(world, HOME, LAPTOP, PHONE)) as [Computer, Computer, Computer];
  for (const one of [laptop, phone]) one.joinsGroup("239.1.1.1");
  await world.run(1_000);
  home.hears("castaway0", "239.1.1.1", "10.0.0.1");
  await world.run(300);
  for (const one of [laptop, phone]) expect(one.fast.delivered).toHaveLength(1);
  expect(home.fast.delivered).toHaveLength(0);
});

test("the hub of a star passes on between its peers, which say that it may", async () => {
  const world = new World();
  const [home, laptop, phone] = (await start(world, HOME, LAPTOP, PHONE)) as [Computer, Computer, Computer];
  await use(home, `forward\n${lineOf(laptop, "", false)}${lineOf(phone, "", false)}`);
  await use(laptop, lineOf(home, "hub"));
  await use(phone, lineOf(home));
  await world.until(() => online(home).length === 2);
  for (const one of [laptop, phone]) one.joinsGroup("239.1.1.1");
  await world.run(1_000);
  phone.hears("castaway0", "239.1.1.1", "10.0.0.3");
  await world.run(300);
  expect(laptop.fast.delivered).toHaveLength(1);
  // The phone's file has no hub: of packets that are not the sender's own, its fast path takes none (wrong-origin).
  const onlyOrigin = (of: Computer): number => {
    const device = [...of.fast.vifs.values()].map((vif) => vif.device).find(({ kind }) => kind === "peer");
    return device?.kind === "peer" ? device.onlyOrigin : Number.NaN;
  };
  expect(onlyOrigin(laptop)).toBe(0);
  expect(onlyOrigin(phone)).toBe(originId(Uint8Array.fromBase64(home.key)));
});

test("who is taken out of the file is out at once; who stays notices nothing", async () => {
  const world = new World();
  const [home, laptop, phone] = (await mesh(world, HOME, LAPTOP, PHONE)) as [Computer, Computer, Computer];
  for (const one of [laptop, phone]) one.joinsGroup("239.1.1.1");
  await world.run(1_000);
  const before = home.vifNames();
  const vif = home.status().vifs.find(({ name }) => name === "peer-phone")!.id;
  await use(home, lineOf(phone));
  expect(home.vifNames()).toEqual(before.filter((name) => name !== "peer-laptop"));
  expect(home.status().vifs.find(({ name }) => name === "peer-phone")!.id).toBe(vif);
  home.hears("castaway0", "239.1.1.1", "10.0.0.1");
  await world.run(300);
  expect([laptop.fast.delivered.length, phone.fast.delivered.length]).toEqual([0, 1]);
  // It calls on, and hears nothing; it is in again as soon as the file says so.
  await world.run(40_000);
  expect(online(laptop)).toEqual(["phone"]);
  await use(home, lineOf(phone) + lineOf(laptop));
  await world.until(() => online(home).length === 2);
});

test("a line with another key, or another psk, is another peer: the one before is out at once", async () => {
  const world = new World();
  const [home, laptop] = (await mesh(world, HOME, LAPTOP)) as [Computer, Computer];
  laptop.joinsGroup("239.1.1.1");
  await world.run(500);
  const other = lineOf(laptop).replace(laptop.key, keyPair(new Uint8Array(32).fill(9)).publicKey.toBase64());
  for (const changed of [other, lineOf(laptop, `psk ${PSK}`)]) {
    await use(home, lineOf(laptop));
    await world.until(() => online(home).length === 1);
    await use(home, changed);
    expect(online(home)).toEqual([]);
    const before = laptop.fast.delivered.length;
    home.hears("castaway0", "239.1.1.1", "10.0.0.1");
    await world.run(300);
    expect(laptop.fast.delivered).toHaveLength(before);
    expect(home.vifNames().filter((name) => name.startsWith("peer-"))).toEqual(["peer-laptop"]);
  }
  // A new limit, endpoint or address is the same peer's: its session goes on.
  await use(home, lineOf(laptop));
  await world.until(() => online(home).length === 1);
  await use(home, lineOf(laptop, "limit 20M address 10.9.0.2", false));
  expect(online(home)).toEqual(["laptop"]);
  expect(network(home).members[1]).toMatchObject({ sending: { maximumBps: 20_000_000 } });
  expect(network(home).members[1]!.addresses).toContain("10.9.0.2");
});

test("what services there are is told where both ends switched that on", async () => {
  const world = new World();
  const [home, laptop] = (await mesh(world, HOME, LAPTOP)) as [Computer, Computer];
  expect(home.status().sharing.proxies).toEqual([]);
  await home.call("presets.set", { preset: "cast", on: true });
  await home.call("presets.set", { preset: "minecraft", on: true });
  await world.run(500);
  expect(home.status().sharing.proxies).toEqual(["mdns", "ssdp"]);
  expect(laptop.status().sharing.proxies).toEqual([]); // nobody else decides here
  expect(network(home).sharedRanges).toContain("224.0.2.60/32");
  expect(home.tun.leads("224.0.2.60")).toBe(true);
  await use(home, `share 239.1.0.0/16\n${lineOf(laptop)}`); // the file's word goes before presets
  expect(network(home).sharedRanges).toEqual(["239.1.0.0/16"]);
  expect([home.tun.leads("239.1.1.1"), home.tun.leads("239.2.1.1")]).toEqual([true, false]);
});

test("a file with a mistake changes nothing, and is a warning", async () => {
  const world = new World();
  const [home, laptop] = (await mesh(world, HOME, LAPTOP)) as [Computer, Computer];
  home.writePeers(`${lineOf(laptop)}peer self key ${home.key}`);
  expect((await failure(home.call("routes.reload", {}))).message).toContain(
    "2: peer self has this computer's own",
  );
  expect(online(home)).toEqual(["laptop"]);
  expect(home.status().warnings).toContainEqual(
    expect.objectContaining({ code: "peers-file", remedy: expect.stringContaining("check-config --peers") }),
  );
});

test("down and up leave the file as it is, and hold over a restart", async () => {
  const world = new World();
  const [home, laptop] = (await mesh(world, HOME, LAPTOP)) as [Computer, Computer];
  await laptop.call("down", {});
  expect(network(laptop)).toMatchObject({ state: "off" });
  expect(laptop.tun.addresses).toEqual([]);
  expect(laptop.tun.leads("239.1.1.1")).toBe(false);
  await world.run(1_000);
  expect(online(home)).toEqual([]);
  await laptop.stop();
  const again = await laptop.again();
  await world.run(5_000);
  expect(online(again)).toEqual([]);
  await again.call("up", { network: "static" });
  await world.until(() => online(home).length === 1);
  expect(again.status().networks).toHaveLength(1); // up makes no network of its own beside it
});

test("is a network beside the others: the same two may be host and guest, too", async () => {
  const world = new World();
  const [home, laptop] = (await mesh(world, HOME, LAPTOP)) as [Computer, Computer];
  await laptop.call("join", { link: await home.invite() });
  await world.run(2_000);
  expect(laptop.status().networks.map(({ role, state }) => `${role} ${state}`)).toEqual([
    "guest connected",
    "static connected",
  ]);
  expect(new Set(laptop.tun.addresses).size).toBe(4);
  await laptop.call("leave", {});
  expect(online(laptop)).toEqual(["home"]);
});

test("its members are changed in the file, not by calls", async () => {
  const world = new World();
  const [home] = (await mesh(world, HOME, LAPTOP)) as [Computer, Computer];
  for (const call of [
    () => home.call("members.remove", { member: 2 }),
    () => home.call("members.rename", { network: "static", member: 2, name: "x" }),
    () => home.call("members.limit", { member: 2, bitsPerSecond: 1_000_000 }),
    () => home.call("leave", { network: "static" }),
  ])
    expect((await failure(call())).message).toContain("stands in the peers file");
  expect((await home.call("key.show", {})).publicKey).toBe(home.key);
});

test("a host's members and its static peers are apart: nothing crosses between them", async () => {
  const world = new World();
  const [home, laptop] = (await mesh(world, HOME, LAPTOP)) as [Computer, Computer];
  const phone = await guestOf(home, world, PHONE);
  phone.joinsGroup("239.1.1.1");
  await world.run(1_000);
  laptop.hears("castaway0", "239.1.1.1", "10.0.0.2");
  await world.run(300);
  expect(phone.fast.delivered).toHaveLength(0);
  home.hears("castaway0", "239.1.1.1", "10.0.0.1");
  await world.run(300);
  expect(phone.fast.delivered).toHaveLength(1);
});
