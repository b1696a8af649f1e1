// What a computer fetches from the Internet by AMT: the whole slow path, with relays and name servers in memory.
import { describe, expect, test } from "vitest";
import type { AmtJoin } from "#contract/amt.ts";
import { reverseName } from "#protocol/amt/driad.ts";
import { addressBytes } from "#wire/address.ts";
import type { AmtMessage } from "#wire/amt.ts";
import { decodeMembershipPacket, encodeMembershipPacket } from "#wire/membership-packet.ts";
import { Computer, HOME } from "./computer.ts";
import { link } from "./fake-devices.ts";
import { FakeRelays } from "./fake-relays.ts";
import { World } from "./world.ts";

const SOURCE = "198.51.100.7";
const OTHER = "198.51.100.8";
const GROUP = "232.1.1.1";
const RELAY = "203.0.113.91";
const SECOND = "203.0.113.92";
const ANYCAST = "192.52.193.1";
/** Until a program's stream that does not come by itself is fetched, at the latest; and handshakes. */
const BEGUN_MS = 3_000;

const driad = (relay: string, precedence = 10, discoveryOptional = true): { data: Uint8Array } => ({
  data: Uint8Array.of(precedence, (discoveryOptional ? 0x80 : 0) | 1, ...addressBytes(relay)),
});

interface Scene {
  readonly world: World;
  readonly relays: FakeRelays;
  readonly computer: Computer;
}

async function scene(prepare: (relays: FakeRelays) => void = () => {}): Promise<Scene> {
  const world = new World();
  const relays = new FakeRelays();
  prepare(relays);
  const computer = await Computer.start(world, { ...HOME, links: [link("eth0")], amt: relays });
  relays.plug(computer.fast);
  return { world, relays, computer };
}

/** A program joins these sources of a group, or from now on these; none: it leaves. */
function programJoins({ engine, fast }: Computer, group: string, ...sources: string[]): void {
  const message = { kind: "report", version: 3, records: [{ type: "to-include", group, sources }] } as const;
  fast.emit({
    type: "membership-packet",
    vif: engine.tun.vif!,
    own: true,
    packet: encodeMembershipPacket(message, group.includes(":") ? "fe80::2" : "10.0.0.2"),
  });
}

const joinOf = (computer: Computer, group = GROUP): AmtJoin | undefined =>
  computer.status().amt.joins.find((join) => join.group === group);

/** What was sent: "kind to". */
const sentKinds = ({ sent }: FakeRelays): string[] => sent.map(({ to, message }) => `${message.kind} ${to}`);

function records(message: AmtMessage): unknown[] {
  if (message.kind !== "membership-update") return [];
  const inner = decodeMembershipPacket(message.packet);
  return "refused" in inner || inner.message.kind !== "report" ? [] : [...inner.message.records];
}

/** Multicast of that stream comes in by the vif, up to now. */
function comes(computer: Computer, vif: number, group: string, source: string, packets = 10): void {
  const now = performance.now();
  computer.fast.received.set(vif, packets);
  const counted = { packets, bytes: packets * 1_300, firstSeen: now - 1_000, lastSeen: now, ttl: 16 };
  const rtp = { rtpReceived: 0, rtpExpected: 0, content: undefined };
  computer.fast.shownFlows = [{ vif, group, source, egressCount: 1, ...counted, ...rtp }];
}

const tunnels = ({ engine }: Computer) => [...engine.amt.tunnels()];

describe("what a program joins", () => {
  test("is fetched from the relay that the source's owner names, without Discovery where he says so", async () => {
    const { world, relays, computer } = await scene((of) => {
      of.zone.set(reverseName(SOURCE), { records: [driad(RELAY)], holdsMs: 600_000 });
      of.answers(RELAY);
    });
    programJoins(computer, GROUP, SOURCE);
    await world.run(1_900);
    expect([relays.sent, relays.asked.size]).toEqual([[], 0]); // it may come by itself
    await world.run(BEGUN_MS - 1_900);
    expect(sentKinds(relays).slice(0, 2)).toEqual([`request ${RELAY}`, `membership-update ${RELAY}`]);
    expect(records(relays.sent[1]!.message)).toEqual([
      { type: "is-include", group: GROUP, sources: [SOURCE] },
    ]);
    expect(joinOf(computer)).toMatchObject({
      source: SOURCE,
      kept: false,
      state: "waiting",
      via: { address: RELAY, how: "driad" },
    });
    const [tunnel] = tunnels(computer);
    comes(computer, tunnel!.id, GROUP, SOURCE);
    expect(joinOf(computer)).toMatchObject({ state: "receiving", packets: 10, bytes: 13_000 });
    expect(computer.status().vifs.find(({ kind }) => kind === "amt-gateway")).toMatchObject({
      state: "up",
      addresses: [`${RELAY}:2268`],
    });
    programJoins(computer, GROUP);
    await world.run(2_000);
    expect(joinOf(computer)).toBeUndefined();
    expect(records(relays.sent.at(-1)!.message)).toEqual([
      { type: "block", group: GROUP, sources: [SOURCE] },
    ]);
    expect([tunnels(computer), relays.sockets.size]).toEqual([[], 0]);
  });

  test("is taken of the relay for what was asked alone, and of nobody before there is a relay", async () => {
    const { world, computer } = await scene((of) => {
      of.zone.set(reverseName(SOURCE), { records: [driad(RELAY)], holdsMs: 600_000 });
      of.answers(RELAY);
    });
    programJoins(computer, GROUP, SOURCE);
    await world.run(BEGUN_MS);
    const told = computer.fast.commands.filter(({ type }) => type === "amt-relay" || type === "amt-joined");
    const vif = tunnels(computer)[0]!.id;
    expect(told).toMatchObject([
      { type: "amt-joined", vif, streams: { length: 8 } },
      { type: "amt-relay", vif, relay: { address: RELAY, port: 2268 } },
    ]);
  });

  test("comes by a LAN: nothing is asked of anybody, until it does not any more", async () => {
    const { world, relays, computer } = await scene((of) => of.answers(ANYCAST));
    const lan = [...computer.engine.lans.vifs()][0]!.id;
    programJoins(computer, GROUP, SOURCE);
    for (let i = 0; i < 40; i++) {
      comes(computer, lan, GROUP, SOURCE);
      await world.run(500);
    }
    expect([relays.sent, relays.asked.size, joinOf(computer)]).toEqual([[], 0, undefined]);
    computer.fast.shownFlows = [];
    await world.run(15_000);
    expect(joinOf(computer)).toMatchObject({ state: "waiting", via: { address: ANYCAST, how: "anycast" } });
  });

  test("begins to come by a LAN that is only visited: the relay is left within seconds", async () => {
    const { world, relays, computer } = await scene((of) => of.answers(ANYCAST));
    programJoins(computer, GROUP, SOURCE);
    await world.run(BEGUN_MS);
    expect(joinOf(computer)?.state).toBe("waiting");
    relays.native.add(`${SOURCE} ${GROUP}`);
    await world.run(6_000);
    expect([joinOf(computer), tunnels(computer), relays.sockets.size]).toEqual([undefined, [], 0]);
    relays.native.clear();
    await world.run(15_000);
    expect(joinOf(computer)?.state).toBe("waiting");
  });

  test("was asked for by a person too, who has enough of it: from then on it is looked for on the LANs", async () => {
    const { world, relays, computer } = await scene((of) => of.answers(ANYCAST));
    await computer.call("amt.join", { group: GROUP, source: SOURCE });
    programJoins(computer, GROUP, SOURCE);
    relays.native.add(`${SOURCE} ${GROUP}`);
    await world.run(60_000);
    expect(joinOf(computer)).toMatchObject({ state: "waiting", kept: true });
    await computer.call("amt.leave", { group: GROUP, source: SOURCE });
    await world.run(6_000);
    expect([joinOf(computer), tunnels(computer)]).toEqual([undefined, []]);
  });

  test.each([
    ["of a private address", "10.9.9.9", GROUP],
    ["of this computer's own network", "192.168.2.77", GROUP],
    ["in a group of an organisation's own", SOURCE, "239.1.1.1"],
  ])("%s is nobody's business", async (_what, source, group) => {
    const { world, relays, computer } = await scene((of) => of.answers(ANYCAST));
    programJoins(computer, group, source);
    await world.run(60_000);
    expect([relays.sent, relays.asked.size]).toEqual([[], 0]);
  });

  test("is not fetched where somebody wants no such thing, and is again where he does", async () => {
    const { world, relays, computer } = await scene((of) => of.answers(ANYCAST));
    await computer.call("amt.automatic", { on: false });
    programJoins(computer, GROUP, SOURCE);
    await world.run(60_000);
    expect([relays.sent, relays.asked.size]).toEqual([[], 0]);
    await computer.call("amt.automatic", { on: true });
    await world.run(BEGUN_MS);
    expect(joinOf(computer)?.state).toBe("waiting");
    await computer.call("amt.automatic", { on: false });
    expect([joinOf(computer), tunnels(computer)]).toEqual([undefined, []]);
  });

  test("from anybody is asked of relays that somebody named, and of no others", async () => {
    const { world, relays, computer } = await scene((of) => of.answers(RELAY, ANYCAST));
    computer.joinsGroup("233.252.0.1");
    await world.run(30_000);
    expect(relays.sent).toEqual([]);
    await computer.call("amt.relays", { relays: [RELAY] });
    await world.run(BEGUN_MS);
    expect(joinOf(computer, "233.252.0.1")).toMatchObject({ source: null, via: { how: "given" } });
    expect(relays.asked.size).toBe(0);
  });

  test("of one owner comes by one tunnel, of two by two", async () => {
    const { world, relays, computer } = await scene((of) => {
      // Two of one precedence: drawn, but alike for both sources.
      const both = { records: [driad(RELAY), driad(SECOND)], holdsMs: 600_000 };
      for (const source of [SOURCE, OTHER]) of.zone.set(reverseName(source), both);
      of.zone.set(reverseName("198.51.100.9"), { records: [driad(ANYCAST, 1)], holdsMs: 600_000 });
      of.answers(RELAY, SECOND, ANYCAST);
    });
    programJoins(computer, GROUP, SOURCE, OTHER, "198.51.100.9");
    await world.run(BEGUN_MS);
    expect(tunnels(computer)).toHaveLength(2);
    expect(relays.sockets.size).toBe(2);
    expect(computer.status().amt.joins.map(({ state }) => state)).toEqual(["waiting", "waiting", "waiting"]);
  });

  test("comes by 32 tunnels at most, and by as many streams as there may be", async () => {
    const { world, relays, computer } = await scene((of) => {
      for (let i = 1; i <= 40; i++) {
        of.zone.set(reverseName(`198.51.100.${i}`), { records: [driad(`203.0.113.${i}`)], holdsMs: 600_000 });
        of.answers(`203.0.113.${i}`);
      }
    });
    programJoins(computer, GROUP, ...Array.from({ length: 40 }, (_, i) => `198.51.100.${i + 1}`));
    await world.run(BEGUN_MS + 2_000);
    expect(relays.sockets.size).toBe(32);
    const states = computer.status().amt.joins.map(({ state }) => state);
    expect(states.filter((state) => state === "failed")).toHaveLength(8);
  });
});

describe("a relay that was named", () => {
  test("is asked first, and no name server hears of the source; where it is silent, the owner and all others", async () => {
    const { world, relays, computer } = await scene((of) => {
      of.zone.set(reverseName(SOURCE), { records: [driad(SECOND)], holdsMs: 600_000 });
      of.hosts.set("relay.example", [RELAY]);
    });
    await computer.call("amt.relays", { relays: ["relay.example"] });
    await computer.call("amt.join", { group: GROUP, source: SOURCE });
    await world.run(5_000);
    expect(new Set(sentKinds(relays))).toEqual(new Set([`relay-discovery ${RELAY}`]));
    expect([relays.asked.size, joinOf(computer)]).toMatchObject([0, { state: "looking", kept: true }]);
    relays.answers(SECOND);
    await world.until(() => joinOf(computer)?.state === "waiting", 60_000);
    expect(joinOf(computer)?.via).toEqual({ address: SECOND, how: "driad" });
    expect(relays.asked.get(reverseName(SOURCE))).toBe(1);
  });

  test("for one stream is asked for that one alone", async () => {
    const { world, computer } = await scene((of) => of.answers(RELAY, ANYCAST));
    await computer.call("amt.join", { group: GROUP, source: SOURCE, relay: RELAY });
    await computer.call("amt.join", { group: "232.1.1.2", source: SOURCE });
    await world.run(2_000);
    expect(joinOf(computer)?.via?.address).toBe(RELAY);
    expect(joinOf(computer, "232.1.1.2")?.via?.address).toBe(ANYCAST);
  });

  test("and is changed while another one is looked up is the one that is asked", async () => {
    const { world, relays, computer } = await scene((of) => of.answers(RELAY, ANYCAST));
    const lookup = Promise.withResolvers<void>();
    const { records: answer } = relays.lookup;
    Object.assign(relays.lookup, {
      records: async (name: string, type: number) => {
        await lookup.promise;
        return answer(name, type);
      },
    });
    await computer.call("amt.join", { group: GROUP, source: SOURCE });
    await world.run(100);
    await computer.call("amt.relays", { relays: [RELAY] });
    await world.run(100);
    lookup.resolve();
    await world.run(3_000);
    expect(joinOf(computer)?.via).toEqual({ address: RELAY, how: "given" });
  });

  test("and is changed takes over what flows", async () => {
    const { world, computer } = await scene((of) => of.answers(RELAY, SECOND));
    await computer.call("amt.relays", { relays: [RELAY] });
    await computer.call("amt.join", { group: GROUP, source: SOURCE });
    await world.run(2_000);
    expect(joinOf(computer)?.via?.address).toBe(RELAY);
    await computer.call("amt.relays", { relays: [SECOND] });
    await world.run(2_000);
    expect(joinOf(computer)?.via?.address).toBe(SECOND);
    expect(tunnels(computer)).toHaveLength(1);
  });
});

describe("where no relay is to be had", () => {
  test("the anycast address is asked, also where no name server answers", async () => {
    const { world, computer } = await scene((of) => {
      of.zone.set(reverseName(SOURCE), new Error("no name server answers"));
      of.relays.set(ANYCAST, { advertises: RELAY });
      of.answers(RELAY);
    });
    await computer.call("amt.join", { group: GROUP, source: SOURCE });
    await world.run(2_000);
    expect(joinOf(computer)).toMatchObject({ state: "waiting", via: { address: RELAY, how: "anycast" } });
  });

  test("who says that there is none is believed", async () => {
    const { world, relays, computer } = await scene((of) => {
      of.zone.set(reverseName(SOURCE), { records: [{ data: Uint8Array.of(0, 0) }], holdsMs: 600_000 });
      of.answers(ANYCAST);
    });
    await computer.call("amt.join", { group: GROUP, source: SOURCE });
    await world.run(60_000);
    expect(relays.sent).toEqual([]);
    expect(joinOf(computer)).toMatchObject({ state: "failed", detail: /No relay is known/ });
  });

  test("records that are rubbish, or name nobody else's address, are passed over", async () => {
    const { world, relays, computer } = await scene((of) => {
      const rubbish = [Uint8Array.of(), Uint8Array.of(1, 9, 9), Uint8Array.of(1, 0x81, 1)];
      const own = ["127.0.0.1", "0.0.0.0", "232.1.1.1", "169.254.1.1"].map((address) => driad(address, 0));
      const all = [...rubbish.map((data) => ({ data })), ...own, driad(RELAY, 200)];
      of.zone.set(reverseName(SOURCE), { records: all, holdsMs: 600_000 });
      of.answers(RELAY);
    });
    await computer.call("amt.join", { group: GROUP, source: SOURCE });
    await world.run(2_000);
    expect(joinOf(computer)?.via?.address).toBe(RELAY);
    expect(new Set(relays.sent.map(({ to }) => to))).toEqual(new Set([RELAY]));
  });

  test("it is said, with who was asked, and tried again ever more seldom", async () => {
    const { world, relays, computer } = await scene();
    await computer.call("amt.join", { group: GROUP, source: SOURCE });
    await world.until(() => joinOf(computer)?.state === "failed", 20_000);
    expect(joinOf(computer)?.detail).toMatch(
      /No relay answers \(192\.52\.193\.1\)\. The next try is in \d+ s\./,
    );
    await world.run(3_600_000);
    expect(relays.sent.length).toBeLessThan(80);
    expect(relays.asked.get(reverseName(SOURCE))!).toBeLessThan(40);
    relays.answers(ANYCAST);
    await world.until(() => joinOf(computer)?.state === "waiting", 400_000);
  });
});

describe("a relay that takes no more gateways", () => {
  const TAKES_NONE = `The relay ${RELAY} takes no more receivers;`;

  test.each([
    ["a source, named by a person", SOURCE],
    ["anybody, named by a person", undefined],
  ])("for a stream of %s: that is said at once, and as long as nobody has it", async (_what, source) => {
    const { world, relays, computer } = await scene((of) => {
      of.relays.set(RELAY, { advertises: RELAY, full: true });
    });
    const group = source === undefined ? "233.252.0.1" : GROUP;
    await computer.call("amt.join", { group, ...(source !== undefined && { source }), relay: RELAY });
    await world.until(() => joinOf(computer, group)?.state === "failed", 1_000);
    const details = new Set<string>();
    for (let i = 0; i < 600; i++) {
      const { state, detail } = joinOf(computer, group)!;
      expect([state, detail.startsWith(TAKES_NONE)]).toEqual(["failed", true]);
      details.add(detail);
      await world.run(100);
    }
    expect(details).toContain(`${TAKES_NONE} it is asked again in 5 s.`);
    expect(details.has(`${TAKES_NONE} others are asked.`)).toBe(source !== undefined);
    const requests = sentKinds(relays).filter((kind) => kind === `request ${RELAY}`).length;
    expect(requests).toBeGreaterThan(2);
    expect(requests).toBeLessThan(7);
    relays.answers(RELAY);
    await world.until(() => joinOf(computer, group)?.state === "waiting", 120_000);
    // What it said earlier is not said of it when it is silent.
    relays.relays.delete(RELAY);
    await world.until(() => joinOf(computer, group)?.state === "failed", 300_000);
    expect(joinOf(computer, group)?.detail).toMatch(/^No relay answers/);
  });

  test("named by the source's owner: it is said while nobody else answers, and not where somebody does", async () => {
    const { world, relays, computer } = await scene((of) => {
      of.zone.set(reverseName(SOURCE), { records: [driad(RELAY)], holdsMs: 600_000 });
      of.relays.set(RELAY, { advertises: RELAY, full: true });
    });
    await computer.call("amt.join", { group: GROUP, source: SOURCE });
    await world.until(() => joinOf(computer)?.state === "failed", 3_000);
    expect(joinOf(computer)?.detail).toBe(`${TAKES_NONE} others are asked.`);
    relays.answers(ANYCAST);
    await world.until(() => joinOf(computer)?.state !== "failed", 10_000);
    expect(joinOf(computer)).toMatchObject({ state: "waiting", via: { address: ANYCAST } });
  });
});

test("the doctor says who answers, and what has nobody who does", async () => {
  const { world, computer } = await scene((of) => {
    of.zone.set(reverseName(OTHER), { records: [{ data: Uint8Array.of(0, 0) }], holdsMs: 600_000 });
    of.answers(ANYCAST);
  });
  const found = async () => (await computer.call("doctor", { topic: "amt" })).checks;
  expect(await found()).toEqual([]);
  await computer.call("amt.join", { group: GROUP, source: SOURCE });
  await computer.call("amt.join", { group: GROUP, source: OTHER });
  await world.run(2_000);
  expect(await found()).toMatchObject([
    { status: "ok", message: `AMT relays answer (${ANYCAST}); 0 of 1 streams asked of them come.` },
    {
      status: "warn",
      message: expect.stringContaining("1 of 2 streams"),
      remedy: expect.stringContaining("2268"),
    },
  ]);
});

describe("a relay in use", () => {
  test("that falls silent is asked at once, and after two answers that do not come another one is", async () => {
    const { world, relays, computer } = await scene((of) => {
      of.zone.set(reverseName(SOURCE), { records: [driad(RELAY), driad(SECOND, 20)], holdsMs: 600_000 });
      of.answers(RELAY, SECOND);
    });
    await computer.call("amt.join", { group: GROUP, source: SOURCE });
    await world.run(2_000);
    const { id } = tunnels(computer)[0]!;
    for (let i = 1; i <= 10; i++) {
      comes(computer, id, GROUP, SOURCE, 100 * i);
      await world.run(1_000);
    }
    relays.sent.length = 0;
    relays.relays.delete(RELAY);
    const took = await world.until(() => joinOf(computer)?.via?.address === SECOND, 30_000);
    expect(took).toBeLessThan(9_000);
    expect(sentKinds(relays).filter((kind) => kind === `request ${RELAY}`)).toHaveLength(2);
  });

  test("that answers, and whose source has ended, is not asked again and again", async () => {
    const { world, relays, computer } = await scene((of) => of.answers(RELAY));
    await computer.call("amt.join", { group: GROUP, source: SOURCE, relay: RELAY });
    await world.run(2_000);
    comes(computer, tunnels(computer)[0]!.id, GROUP, SOURCE);
    await world.run(2_000);
    relays.sent.length = 0;
    await world.run(100_000);
    expect(sentKinds(relays).filter((kind) => kind.startsWith("request"))).toHaveLength(1);
  });

  test("is asked anew where the network has changed, and so are the name servers", async () => {
    const { world, relays, computer } = await scene((of) => {
      of.zone.set(reverseName(SOURCE), { records: [driad(RELAY)], holdsMs: 86_400_000 });
      of.answers(RELAY);
    });
    await computer.call("amt.join", { group: GROUP, source: SOURCE });
    await world.run(5_000);
    relays.sent.length = 0;
    computer.links.change([link("eth0", { index: 3 })], { type: "default-route-changed" });
    await world.run(2_000);
    expect(sentKinds(relays)).toContain(`request ${RELAY}`);
    expect(relays.asked.get(reverseName(SOURCE))).toBe(2);
    expect(tunnels(computer)).toHaveLength(1);
  });

  test("whose name server now names another one is kept while it is named at all", async () => {
    const { world, relays, computer } = await scene((of) => {
      of.zone.set(reverseName(SOURCE), { records: [driad(RELAY, 20)], holdsMs: 60_000 });
      of.answers(RELAY, SECOND);
    });
    await computer.call("amt.join", { group: GROUP, source: SOURCE });
    await world.run(5_000);
    relays.zone.set(reverseName(SOURCE), { records: [driad(SECOND, 1), driad(RELAY, 20)], holdsMs: 60_000 });
    await world.run(70_000);
    expect(joinOf(computer)?.via?.address).toBe(RELAY);
    relays.zone.set(reverseName(SOURCE), { records: [driad(SECOND, 1)], holdsMs: 60_000 });
    await world.run(70_000);
    expect(joinOf(computer)?.via?.address).toBe(SECOND);
  });

  test("hears that nothing is wanted any more when the service ends", async () => {
    const { world, relays, computer } = await scene((of) => of.answers(RELAY));
    await computer.call("amt.join", { group: GROUP, source: SOURCE, relay: RELAY });
    await world.run(5_000);
    relays.sent.length = 0;
    await computer.stop();
    expect(relays.sent.flatMap(({ message }) => records(message))).toEqual([
      { type: "block", group: GROUP, sources: [SOURCE] },
    ]);
    expect(relays.sockets.size).toBe(0);
  });
});
