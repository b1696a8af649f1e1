import { describe, expect, test } from "vitest";
import type { Group } from "#contract/snapshot.ts";
import type { Flow } from "#fastpath/flow-memory.ts";
import { SAP_GROUPS_4, SAP_GROUPS_6 } from "#protocol/discovery/announcements.ts";
import { LISTENING_MS } from "#runtime/discovery/announcement-listener.ts";
import { encodeMdns } from "#runtime/discovery/dns-codec.ts";
import { encodeAddressed } from "#wire/addressed-datagram.ts";
import { encodeSap } from "#wire/sap.ts";
import { type Computer, guestOf, HOME, host, LAPTOP, type ComputerOptions } from "./computer.ts";
import { link } from "./fake-devices.ts";
import { World } from "./world.ts";

const HOME_WITH_LAN: ComputerOptions = { ...HOME, links: [link("lan", { index: 1 })] };
const GROUP = "239.255.42.1";
const SENDER = "192.168.1.20";

interface Announced {
  readonly name?: string;
  readonly group?: string;
  readonly session?: number;
  readonly filter?: string;
  readonly source?: string;
  readonly port?: number;
  readonly cut?: number;
}

/** An announcement as the fast path hands it over. */
function announce(at: Computer, change: Announced = {}): void {
  const { name = "BBC One", group = GROUP, session = 1, filter, source = SENDER, port = 9875, cut } = change;
  const text = [
    "v=0",
    `o=- ${session} 1 IN IP4 ${SENDER}`,
    `s=${name}`,
    `c=IN IP4 ${group}/16`,
    "t=0 0",
    ...(filter === undefined ? [] : [`a=source-filter: incl IN IP4 * ${filter}`]),
    "m=video 5004 RTP/AVP 33",
    "",
  ].join("\n");
  const payload = encodeSap({
    deletion: false,
    hash: 0,
    source: SENDER,
    authentication: new Uint8Array(0),
    payloadType: undefined,
    payload: new TextEncoder().encode(text),
  });
  const [packet] = encodeAddressed(
    {
      source,
      sourcePort: 4000,
      destination: "224.2.127.254",
      destinationPort: port,
      ttl: 16,
      payload,
    },
    7,
  );
  const vif = at.engine.announcements.vif;
  expect(vif).toBeDefined();
  at.fast.emit({ type: "packet-out", vif: vif!, packet: packet!.subarray(0, cut ?? packet!.length) });
}

function flow(at: Computer, change: Partial<Flow> = {}): void {
  const lan = [...at.engine.lans.vifs()][0];
  at.fast.shownFlows.push({
    vif: lan?.id ?? 0,
    group: GROUP,
    source: SENDER,
    egressCount: 1,
    packets: 10,
    bytes: 13_160,
    firstSeen: 1_000,
    lastSeen: performance.now(),
    ttl: 16,
    rtpReceived: 0,
    rtpExpected: 0,
    content: { port: 5004, payload: "rtp-mpegts" },
    ...change,
  });
}

const named = ({ groups }: { readonly groups: readonly Group[] }, group = GROUP): Partial<Group> => {
  const { name, nameFrom, sourceName, port, payload } = groups.find((one) => one.group === group)!;
  return { name, nameFrom, sourceName, port, payload };
};

describe("names of streams", () => {
  test("come from announcements, with the port and the payload of the stream itself", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    flow(home);
    const before = { sourceName: null, port: 5004, payload: "rtp-mpegts" };
    expect(named(home.status())).toEqual({ name: null, nameFrom: null, ...before });
    home.engine.announcements.looked();
    announce(home);
    await world.run(100);
    expect(named(home.status())).toEqual({ name: "BBC One", nameFrom: "announcement", ...before });
    expect((await home.call("stats", {})).counters).toMatchObject({ "sap.heard": 1, "sap.known": 1 });
  });

  test("go with what the registry and presets say of groups that nobody announced", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    flow(home, { group: "224.0.2.60", content: undefined });
    flow(home, { group: "239.255.0.1", content: undefined });
    flow(home, { group: "224.0.1.1", content: undefined });
    await home.call("presets.set", { preset: "minecraft", on: true });
    const nothing = { sourceName: null, port: null, payload: null };
    const status = home.status();
    expect(named(status, "224.0.2.60")).toEqual({
      ...{ name: "Minecraft LAN worlds", nameFrom: "preset" },
      ...nothing,
    });
    expect(named(status, "239.255.0.1")).toEqual({
      ...{ name: "DDS discovery", nameFrom: "well-known" },
      ...nothing,
    });
  });

  test("are not made of what is no whole announcement, which is counted", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    flow(home);
    home.engine.announcements.looked();
    announce(home, { port: 9876 });
    announce(home, { cut: 60 });
    announce(home, { name: "" });
    await world.run(100);
    expect(named(home.status()).name).toBeNull();
    expect((await home.call("stats", {})).counters).toMatchObject({ "sap.malformed": 2, "sap.known": 0 });
  });

  test("cost no more than so many announcements a second", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    home.engine.announcements.looked();
    for (let i = 0; i < 2_000; i++) announce(home);
    await world.run(1_000);
    const { counters } = await home.call("stats", {});
    expect(counters["sap.heard"]).toBe(200);
    expect(counters["sap.limited"]).toBe(1_800);
  });
});

describe("what is announced and does not flow", () => {
  test("is listed as something to be had, until it flows", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    home.engine.announcements.looked();
    announce(home);
    await world.run(100);
    const announced = {
      group: GROUP,
      name: "BBC One",
      nameFrom: "announcement",
      port: 5004,
      payload: "rtp-mpegts",
    };
    expect(home.status().groups).toMatchObject([
      { ...announced, source: null, inVif: null, listeners: [], packets: 0, lastSeen: null },
    ]);
    home.joinsGroup(GROUP);
    await world.run(100);
    expect(home.status().groups).toMatchObject([
      { ...announced, source: null, listeners: [{ local: true }] },
    ]);
    flow(home);
    expect(home.status().groups).toMatchObject([{ ...announced, source: SENDER, inVif: "lan" }]);
  });

  test("with the one source that it names, which players need", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    home.engine.announcements.looked();
    announce(home, { group: "232.1.1.1", filter: "192.168.1.20" });
    announce(home, { group: "232.1.1.2", filter: "192.168.1.20 192.168.1.21", session: 2 });
    await world.run(100);
    expect(home.status().groups.map(({ group, source }) => [group, source])).toEqual([
      ["232.1.1.1", "192.168.1.20"],
      ["232.1.1.2", null],
    ]);
  });

  test("is left out where its group does not cross, and where there is too much of it", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    home.engine.announcements.looked();
    announce(home, { group: "224.0.1.1" });
    await world.run(100);
    expect(home.status().groups).toEqual([]);
    for (let i = 0; i < 300; i++) {
      announce(home, {
        group: `239.7.${i >> 6}.${i & 63}`,
        session: i,
        source: `192.168.1.${20 + (i >> 6)}`,
      });
      await world.run(60);
    }
    expect(home.status().groups).toHaveLength(256);
  });
});

describe("announcements are listened to", () => {
  const joined = ({ joins }: Computer): string[] => [...joins.joined.keys()].sort();
  const GROUPS = [...SAP_GROUPS_4, ...SAP_GROUPS_6].map((group) => `1 ${group}`).sort();

  test("while somebody looks, and for some time after; names stay", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    flow(home);
    expect(joined(home)).toEqual([]);
    home.engine.announcements.looked();
    expect(joined(home)).toEqual(GROUPS);
    announce(home);
    await world.run(LISTENING_MS - 1_000);
    home.engine.announcements.looked();
    await world.run(LISTENING_MS - 1_000);
    expect(joined(home)).toEqual(GROUPS);
    await world.run(2_000);
    expect(joined(home)).toEqual([]);
    home.fast.shownFlows = [];
    flow(home);
    expect(named(home.status()).name).toBe("BBC One");
    await world.run(3_600_000);
    home.fast.shownFlows = [];
    flow(home);
    expect(named(home.status()).name).toBeNull();
  });

  test("on the LANs of the host, for a guest who looks; the LAN that it visits is left alone", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    const laptop = await guestOf(home, world, { ...LAPTOP, links: [link("wlan", { index: 7 })] });
    laptop.engine.announcements.looked();
    await world.run(1_000);
    expect(joined(home)).toEqual(GROUPS);
    expect(joined(laptop)).toEqual([]);
    home.hears("lan", SAP_GROUPS_4[0]!, SENDER);
    await world.run(100);
    expect(laptop.fast.delivered).toEqual([`${laptop.engine.announcements.vif} wire ${SAP_GROUPS_4[0]}`]);
    await world.run(LISTENING_MS);
    expect(joined(home)).toEqual([]);
  });

  test("and nobody is shown that: no vif, no listener, no group without a stream", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    const laptop = await guestOf(home, world, { ...LAPTOP, links: [link("wlan", { index: 7 })] });
    laptop.engine.announcements.looked();
    home.engine.announcements.looked();
    await world.run(1_000);
    flow(laptop, {
      group: SAP_GROUPS_4[0]!,
      vif: laptop.engine.networks.joined.values().next().value!.peer!.id,
    });
    expect(laptop.status().groups).toEqual([]);
    expect(home.status().groups).toEqual([]);
    for (const one of [home, laptop])
      expect(one.status().vifs.map(({ name }) => name)).not.toContain("announcements");
    const [laptopVif] = home.vifNames().filter((name) => name.startsWith("peer-"));
    flow(home, { group: SAP_GROUPS_4[0]! }); // it crosses, and that is shown
    expect(home.status().groups).toMatchObject([
      { name: "SAP announcements", listeners: [{ vif: laptopVif }] },
    ]);
  });

  test("without IPv6, on the groups that can be joined", async () => {
    const world = new World();
    const addresses = [{ address: "192.168.1.10", prefixLength: 24, scope: "global" as const }];
    const home = await host(world, { ...HOME, links: [link("lan", { index: 1, addresses })] });
    home.engine.announcements.looked();
    expect(joined(home)).toEqual(SAP_GROUPS_4.map((group) => `1 ${group}`));
  });

  test("not any more when the daemon ends", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    home.engine.announcements.looked();
    await home.stop();
    home.engine.announcements.looked();
    expect(home.engine.announcements.vif).toBeUndefined();
    expect(home.engine.announcements.pollTimeout()).toBeUndefined();
  });
});

describe("names of sources", () => {
  test("are those of members and of this computer, as its network knows them", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    const laptop = await guestOf(home, world);
    const [at] = laptop.status().networks[0]!.ownAddresses.filter((address) => !address.includes(":"));
    for (const one of [home, laptop]) flow(one, { source: at! });
    expect([home, laptop].map((one) => named(one.status()).sourceName)).toEqual(["laptop", "laptop"]);
    home.fast.shownFlows = [];
    flow(home, { source: "192.168.1.10" });
    expect(named(home.status()).sourceName).toBe("home");
  });

  test("are those of mDNS where its proxy runs, and cleaned; who speaks of itself goes before others", async () => {
    const world = new World();
    const home = await host(world, HOME_WITH_LAN);
    flow(home);
    const say = (from: string, name: string): void => {
      const records = [{ name, ttl: 120, data: { type: "A" as const, address: SENDER } }];
      const [bytes] = encodeMdns({ id: 0, response: true, questions: [], records });
      for (const { options } of home.linkSockets)
        if (options.group === "224.0.0.251") options.received(bytes!, { address: from, port: 5353 });
    };
    await home.call("presets.set", { preset: "mdns", on: true });
    await world.run(1_000);
    say(SENDER, "tv-\u202eserver.local");
    say("192.168.1.66", "thief.local");
    expect(named(home.status()).sourceName).toBe("tv-server");
    await home.call("presets.set", { preset: "mdns", on: false });
    await world.run(1_000);
    expect(named(home.status()).sourceName).toBeNull();
  });
});
