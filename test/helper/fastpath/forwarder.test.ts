// What the forwarder does with a packet, by what its exits are handed: no kernel, time by hand.
import * as fc from "fast-check";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Arena } from "#fastpath/arena.ts";
import { BATCH_MAX, Exit } from "#fastpath/batch.ts";
import type { Batch } from "#fastpath/batch.ts";
import { JoinedStreams } from "#fastpath/amt/joined-streams.ts";
import { Counters, countersBytes } from "#fastpath/counters.ts";
import { FlowMemory, flowMemoryBytes } from "#fastpath/flow-memory.ts";
import { Forwarder } from "#fastpath/forwarder.ts";
import { LanGate } from "#fastpath/lan-gate.ts";
import { LanMemory } from "#fastpath/lan-memory.ts";
import { SequenceCounter } from "#fastpath/sequence-counter.ts";
import { PeerSender } from "#fastpath/peer-sender.ts";
import { StreamSender } from "#fastpath/stream-sender.ts";
import { UdpSender } from "#fastpath/udp-sender.ts";
import type { Vif } from "#fastpath/vif.ts";
import { NO_VIF, type FastPathEvent } from "#ports/fast-path.ts";
import { writeAddressWords } from "#protocol/forwarding/address-words.ts";
import {
  EXIT_LOCAL,
  EXIT_WIRE,
  MAX_VIFS,
  SLOT_ANY_SOURCE,
  SLOT_EGRESS,
  SLOT_GROUP,
  SLOT_USED,
  SLOT_WORDS,
  egressWord,
  hashKey,
} from "#protocol/forwarding/route-table.ts";
import { addressBytes } from "#wire/address.ts";
import { INITIAL_HOPS } from "#wire/frame.ts";
import { headerHolds, makeArena, place, udpBytes } from "./fixtures.ts";
import type { UdpOptions } from "./fixtures.ts";

const [LAN, TUN, PEER, OTHER] = [1, 2, 3, 4] as const;
const GROUP = "239.1.2.3";

/** Keeps what it is handed: "exit ttl hops epoch/sequence". */
class RecordingExit extends Exit {
  readonly #name: string;
  readonly #arena: Arena;
  readonly #log: string[];

  constructor(name: string, vif: number, local: boolean, arena: Arena, log: string[]) {
    super(vif, local);
    this.#name = name;
    this.#arena = arena;
    this.#log = log;
  }

  flush(batch: Batch): void {
    for (let n = 0; n < this.queued; n++) {
      const i = this.queue[n]!;
      const at = batch.offset[i]!;
      if (whatever > 0) expect(batch.length[i]).toBeLessThanOrEqual(whatever);
      else expect(headerHolds(this.#arena, at)).toBe(true);
      const ttl = this.#arena.u8[at + 8];
      this.#log.push(`${this.#name} ttl=${ttl} hops=${batch.hops[i]} ${batch.epoch[i]}/${batch.sequence[i]}`);
    }
    this.queued = 0;
  }
}

/** Above 0: packets are random bytes, at most so many. */
let whatever = 0;
let arena: Arena;
let counters: Counters;
let forwarder: Forwarder;
let log: string[];
let events: FastPathEvent[];
let vifs: Record<number, Vif>;

beforeEach(() => {
  arena = makeArena(8 << 20);
  counters = new Counters(new SharedArrayBuffer(countersBytes()));
  const sequence = new SequenceCounter();
  sequence.start(99, 5);
  log = [];
  events = [];
  forwarder = new Forwarder({
    arena,
    counters,
    flowMemory: new FlowMemory(new SharedArrayBuffer(flowMemoryBytes())),
    lanMemory: new LanMemory(arena),
    sender: new PeerSender(new UdpSender(arena, counters, () => {}), new StreamSender(arena)),
    sequence,
    emit: (event) => events.push(event),
    afterFlush: () => {},
  });
  const exit = (name: string, vif: number, local: boolean) => new RecordingExit(name, vif, local, arena, log);
  const none = { peer: undefined, sources: undefined };
  vifs = {
    [LAN]: { id: LAN, kind: "lan", wire: exit("lan", LAN, false), local: exit("loop", LAN, true), ...none },
    [TUN]: { id: TUN, kind: "tun", wire: undefined, local: exit("tun", TUN, true), ...none },
    [PEER]: { id: PEER, kind: "peer", wire: exit("peer", PEER, false), local: undefined, ...none },
    [OTHER]: { id: OTHER, kind: "peer", wire: exit("other", OTHER, false), local: undefined, ...none },
  };
  for (const vif of Object.values(vifs)) forwarder.addVif(vif);
  route([LOOP, TUN_LOCAL, LAN_WIRE, TO_PEER, TO_OTHER]);
});

const LOOP = egressWord(LAN, EXIT_LOCAL);
const TUN_LOCAL = egressWord(TUN, EXIT_LOCAL);
const LAN_WIRE = egressWord(LAN, EXIT_WIRE);
const TO_PEER = egressWord(PEER, EXIT_WIRE);
const TO_OTHER = egressWord(OTHER, EXIT_WIRE);

/** `thresholds` by vif. */
function route(words: number[], thresholds: Record<number, number> = {}): void {
  const slots = new Uint32Array(4 * SLOT_WORDS);
  const key = new Uint32Array(8);
  writeAddressWords(key, 0, GROUP);
  const at = (hashKey(key, 0, 4) & 3) * SLOT_WORDS;
  slots[at + SLOT_USED] = SLOT_ANY_SOURCE;
  slots.set(key.subarray(0, 4), at + SLOT_GROUP);
  slots[at + SLOT_EGRESS] = 0;
  forwarder.setTable({
    capacityMask: 3,
    slots,
    egress: Uint32Array.of(words.length, ...words),
    prefixes: new Uint32Array(0),
    allowed: new Uint8Array((MAX_VIFS * MAX_VIFS) / 8).fill(255),
    native: new Uint8Array(MAX_VIFS / 8),
    vifFlags: new Uint8Array(MAX_VIFS),
    thresholds: Uint8Array.from({ length: MAX_VIFS }, (_, vif) => thresholds[vif] ?? 1),
  });
}

function words(...groups: string[]): Uint32Array {
  const out = new Uint32Array(4 * groups.length);
  for (const [i, group] of groups.entries()) writeAddressWords(out, 4 * i, group);
  return out;
}

const packet = (options: Partial<UdpOptions> = {}): Uint8Array =>
  udpBytes({ source: "192.0.2.1", group: GROUP, payload: Buffer.from("payload"), ...options });

function fromDevice(vif: number, bytes: Uint8Array, now = 1000): string[] {
  forwarder.fromDevice(vifs[vif]!, place(arena, bytes), bytes.length, 0, false, now);
  forwarder.flush(now);
  return log.splice(0);
}

function fromPeer(
  vif: number,
  bytes: Uint8Array,
  sequence: number,
  { hops = INITIAL_HOPS, now = 1000 } = {},
): string[] {
  forwarder.fromPeer(vifs[vif]!, true, place(arena, bytes), bytes.length, 0, hops, 7, 1, sequence, now);
  forwarder.flush(now);
  return log.splice(0);
}

describe("a LAN with rules", () => {
  const rules = { sources: undefined, allowed: undefined, denied: [], bitsPerSecond: null };
  const range = (text: string, length: number) => ({ address: addressBytes(text), length });
  const drops = (vif: number) => counters.read(vif).drops;

  beforeEach(() => {
    vifs[LAN] = { ...vifs[LAN]!, gate: new LanGate() };
    forwarder.removeVif(LAN);
    forwarder.addVif(vifs[LAN]);
    route([LAN_WIRE, TO_PEER]);
  });

  test("takes its sources alone; the others are counted, and are taken as soon as they may", () => {
    forwarder.setLanRules(LAN, { ...rules, sources: [range("192.0.2.0", 24)] }, 0);
    expect(fromDevice(LAN, packet())).toHaveLength(1);
    expect(fromDevice(LAN, packet({ source: "198.51.100.1" }))).toEqual([]);
    expect(drops(LAN)).toEqual({ "interface-rules": 1 });
    forwarder.setLanRules(LAN, rules, 0);
    expect(fromDevice(LAN, packet({ source: "198.51.100.1" }), 1010)).toHaveLength(1);
  });

  test.each([
    ["is denied", { denied: [range("239.1.0.0", 16)] }],
    ["is none of the allowed", { allowed: [range("239.2.0.0", 16)] }],
    ["is both", { allowed: [range("239.0.0.0", 8)], denied: [range(GROUP, 32)] }],
  ])("lets no group in or out that %s", (_what, change) => {
    forwarder.setLanRules(LAN, { ...rules, ...change }, 0);
    expect(fromDevice(LAN, packet())).toEqual([]);
    expect(fromPeer(OTHER, packet({ source: "192.0.2.9" }), 1)).toEqual(["peer ttl=15 hops=7 1/1"]);
    forwarder.setLanRules(LAN, { ...rules, allowed: [range("239.1.2.0", 24)] }, 0);
    expect(fromDevice(LAN, packet(), 1010)).toHaveLength(1);
  });

  test("no effect on what is no LAN, or not there", () => {
    for (const vif of [PEER, 77]) forwarder.setLanRules(vif, { ...rules, denied: [range(GROUP, 32)] }, 0);
    expect(fromDevice(LAN, packet())).toHaveLength(1);
  });
});

describe("what an AMT relay sends", () => {
  const [AMT, RELAYED] = [5, "192.0.2.1"] as const;
  const asked = new JoinedStreams(words(GROUP, RELAYED));

  function fromRelay(bytes: Uint8Array, { length = bytes.length, outer = 0 } = {}): string[] {
    const vif = {
      id: AMT,
      kind: "amt-gateway",
      wire: undefined,
      local: undefined,
      peer: undefined,
      sources: undefined,
    } as const;
    if (!forwarder.vifs.get(AMT)) forwarder.addVif(vif);
    forwarder.fromRelay(vif, place(arena, bytes), length, asked, outer, 1000);
    forwarder.flush(1000);
    return log.splice(0);
  }
  const drops = () => counters.read(AMT).drops;

  test("goes to this computer's programs with its TTL, to wires with one less", () => {
    expect(fromRelay(packet({ ttl: 1 }))).toEqual(["loop ttl=1 hops=8 5/1"]);
    expect(fromRelay(packet()).slice(0, 2)).toEqual(["loop ttl=16 hops=8 5/2", "lan ttl=15 hops=8 5/2"]);
    expect(counters.read(AMT)).toMatchObject({ rxPackets: 2, drops: { ttl: 1 } });
  });

  test("that it was not asked for is dropped before it could take the stream from who has it", () => {
    expect(fromRelay(packet({ source: "192.0.2.2" }))).toEqual([]);
    expect(fromRelay(packet({ group: "239.1.2.4" }))).toEqual([]);
    expect(drops()).toEqual({ "not-joined": 2 });
    expect(fromPeer(PEER, packet({ source: "192.0.2.2" }), 1)).not.toEqual([]);
  });

  test("a marked packet of who knows no marks is dropped, of who does keeps the mark", () => {
    expect(fromRelay(packet(), { outer: 3 })).toEqual([]);
    expect(drops()).toEqual({ congestion: 1 });
  });

  test("whatever else it is, is dropped with a reason", () => {
    const broken = packet();
    broken[10] = broken[10]! ^ 0xff;
    for (const [bytes, length, reason] of [
      [packet(), packet().length - 1, "malformed"],
      [packet(), packet().length + 5, "malformed"],
      [broken, broken.length, "malformed"],
      [packet({ group: "198.51.100.1" }), packet().length, "malformed"],
      [Uint8Array.of(0x45), 1, "malformed"],
      [packet({ group: "224.0.0.5" }), packet().length, "scope"],
      [packet({ source: "127.0.0.1" }), packet().length, "bad-source"],
    ] as const) {
      const before = drops()[reason] ?? 0;
      expect(fromRelay(bytes, { length })).toEqual([]);
      expect(drops()[reason]).toBe(before + 1);
    }
  });
});

describe("where a packet goes", () => {
  test("from the LAN: TTL down once at the entry, numbered, not back, and no local exit where the LAN has one", () => {
    expect(fromDevice(LAN, packet())).toEqual(["peer ttl=15 hops=8 5/1", "other ttl=15 hops=8 5/1"]);
  });

  test("with TTL 1 it goes nowhere, until somebody has the group's TTL raised at the entry", () => {
    const bytes = packet({ ttl: 1 });
    expect(fromDevice(LAN, bytes)).toEqual([]);
    forwarder.setRaised(words("239.1.2.4", GROUP));
    expect(fromDevice(LAN, bytes, 1010)).toEqual(["peer ttl=15 hops=8 5/1", "other ttl=15 hops=8 5/1"]);
    expect(fromDevice(LAN, packet({ ttl: 0 }), 1020)).toEqual([]);
    expect(fromPeer(PEER, packet({ ttl: 1, source: "192.0.2.9" }), 1)).toEqual(["loop ttl=1 hops=7 1/1"]);
    forwarder.setRaised(words("239.1.2.4"));
    expect(fromDevice(LAN, packet({ ttl: 1, id: 9 }), 1030)).toEqual([]);
  });

  test("from a peer: one local exit with the TTL as it came, the wires with one less, not back", () => {
    expect(fromPeer(PEER, packet(), 44)).toEqual([
      "loop ttl=16 hops=7 1/44",
      "lan ttl=15 hops=7 1/44",
      "other ttl=15 hops=7 1/44",
    ]);
  });

  test("a new table counts for the next packet", () => {
    expect(fromDevice(LAN, packet())).toHaveLength(2);
    route([TO_OTHER]);
    expect(fromDevice(LAN, packet())).toEqual(["other ttl=15 hops=8 5/2"]);
  });

  test("an exit that has gone is not used", () => {
    fromDevice(LAN, packet());
    forwarder.removeVif(OTHER);
    expect(fromDevice(LAN, packet())).toEqual(["peer ttl=15 hops=8 5/2"]);
  });

  test("more packets than a batch holds all go, in order", () => {
    route([TO_PEER]);
    for (let i = 0; i < BATCH_MAX + 10; i++) {
      const bytes = packet({ id: i });
      forwarder.fromDevice(vifs[LAN]!, place(arena, bytes), bytes.length, 0, false, 1000);
    }
    forwarder.flush(1000);
    expect(log).toEqual(Array.from({ length: BATCH_MAX + 10 }, (_, i) => `peer ttl=15 hops=8 5/${i + 1}`));
  });
});

describe("a LAN with listeners on its wire and on this computer", () => {
  beforeEach(() => {
    const both = new RecordingExit("both", LAN, false, arena, log);
    vifs[LAN] = { ...vifs[LAN]!, both };
    forwarder.addVif(vifs[LAN]);
  });

  test("one packet serves both, with the TTL that the wire gets", () => {
    expect(fromPeer(PEER, packet(), 44)).toEqual(["both ttl=15 hops=7 1/44", "other ttl=15 hops=7 1/44"]);
    route([LOOP, LAN_WIRE, TO_PEER]);
    expect(fromDevice(TUN, packet({ source: "192.0.2.2" }))).toEqual([
      "both ttl=15 hops=8 5/1",
      "peer ttl=15 hops=8 5/1",
    ]);
  });

  test("local sockets alone where the TTL goes no further", () => {
    expect(fromPeer(PEER, packet({ ttl: 1 }), 1)).toEqual(["loop ttl=1 hops=7 1/1"]);
  });

  test("each by its own way where the local sockets are served by the TUN, or only one of the two listens", () => {
    route([TUN_LOCAL, LOOP, LAN_WIRE]);
    expect(fromPeer(PEER, packet(), 1)).toEqual(["tun ttl=16 hops=7 1/1", "lan ttl=15 hops=7 1/1"]);
    route([LOOP]);
    expect(fromPeer(PEER, packet(), 2)).toEqual(["loop ttl=16 hops=7 1/2"]);
    route([LAN_WIRE]);
    expect(fromPeer(PEER, packet(), 3)).toEqual(["lan ttl=15 hops=7 1/3"]);
  });
});

describe("from one LAN to another", () => {
  const OTHER_LAN = 5;
  const TO_LAN2 = egressWord(OTHER_LAN, EXIT_WIRE);
  const lan2 = "lan2 ttl=15 hops=8 5/";

  beforeEach(() => {
    const wire = new RecordingExit("lan2", OTHER_LAN, false, arena, log);
    vifs[OTHER_LAN] = {
      id: OTHER_LAN,
      kind: "lan",
      wire,
      local: undefined,
      peer: undefined,
      sources: undefined,
    };
    forwarder.addVif(vifs[OTHER_LAN]);
    route([LAN_WIRE, TO_LAN2]);
  });

  test("TTL down by one; a packet that its sender repeats goes again", () => {
    expect(fromDevice(LAN, packet(), 1000)).toEqual([`${lan2}1`]);
    expect(fromDevice(LAN, packet(), 1010)).toEqual([`${lan2}2`]);
    expect(counters.read(LAN).drops).toEqual({});
  });

  test("what comes back with a lower TTL is in a loop, on the LAN that it went to and on the one that it came from", () => {
    fromDevice(LAN, packet({ ttl: 16 }), 1000);
    expect(fromDevice(OTHER_LAN, packet({ ttl: 15 }), 1001)).toEqual([]);
    expect(counters.read(OTHER_LAN).drops).toEqual({ rpf: 1 });
    expect(fromDevice(LAN, packet({ ttl: 14 }), 1002)).toEqual([]);
    expect(counters.read(LAN).drops).toEqual({ loop: 1 });
    expect(fromDevice(LAN, packet({ ttl: 16, id: 2 }), 1003)).toHaveLength(1); // the stream goes on
  });

  test("a packet whose TTL was raised does not go round either", () => {
    forwarder.setRaised(words(GROUP));
    expect(fromDevice(LAN, packet({ ttl: 1 }), 1000)).toHaveLength(1);
    expect(fromDevice(LAN, packet({ ttl: 14 }), 1001)).toEqual([]);
  });

  test("to a LAN with a threshold goes what came with more, and what did not is counted there", () => {
    route([LAN_WIRE, TO_LAN2, TO_PEER], { [OTHER_LAN]: 12 });
    expect(fromDevice(LAN, packet({ ttl: 13 }))).toEqual([
      "lan2 ttl=12 hops=8 5/1",
      "peer ttl=12 hops=8 5/1",
    ]);
    expect(fromDevice(LAN, packet({ ttl: 12, id: 2 }), 1001)).toEqual(["peer ttl=11 hops=8 5/2"]);
    const source = "192.0.2.9";
    expect(fromPeer(OTHER, packet({ ttl: 12, source }), 1)).toEqual([
      "lan ttl=11 hops=7 1/1",
      "peer ttl=11 hops=7 1/1",
    ]);
    expect(fromPeer(OTHER, packet({ ttl: 13, source }), 2)).toHaveLength(3);
    expect(counters.read(OTHER_LAN).drops).toEqual({ "ttl-threshold": 2 });
  });

  test("a threshold is the wire's: this computer's sockets get all", () => {
    const both = new RecordingExit("both", LAN, false, arena, log);
    vifs[LAN] = { ...vifs[LAN]!, both };
    forwarder.addVif(vifs[LAN]);
    route([LOOP, LAN_WIRE], { [LAN]: 12 });
    expect(fromPeer(PEER, packet({ ttl: 12 }), 1)).toEqual(["loop ttl=12 hops=7 1/1"]);
    expect(fromPeer(PEER, packet({ ttl: 13 }), 2)).toEqual([
      "loop ttl=13 hops=7 1/2",
      "lan ttl=12 hops=7 1/2",
    ]);
  });
});

describe("what goes no further, and why", () => {
  test.each([
    ["ttl", packet({ ttl: 1 })],
    ["scope", packet({ group: "224.0.0.251" })],
    ["no-listener", packet({ group: "239.9.9.9" })],
    ["bad-source", packet({ source: "169.254.1.1" })],
    ["malformed", packet().subarray(0, 27)],
    ["malformed", packet().with(9, 99)], // the header's checksum does not hold
  ])("from the LAN: %s", (reason, bytes) => {
    expect(fromDevice(LAN, bytes)).toEqual([]);
    expect(counters.read(LAN).drops).toEqual({ [reason]: 1 });
  });

  test("from a peer, TTL 1: local sockets alone", () => {
    expect(fromPeer(PEER, packet({ ttl: 1 }), 1)).toEqual(["loop ttl=1 hops=7 1/1"]);
    expect(counters.read(PEER).drops).toEqual({ ttl: 1 });
  });

  test("a stream under another member's address, or one that nobody has; the owner's goes on", () => {
    const route = (address: string, length: number, vif: number) => ({
      address: addressBytes(address),
      length,
      vif,
    });
    forwarder.setUnicast([
      route("10.60.0.0", 24, NO_VIF),
      route("10.60.0.1", 32, TUN),
      route("10.60.0.2", 32, PEER),
      route("10.60.0.3", 32, OTHER),
    ]);
    for (const source of ["10.60.0.1", "10.60.0.2", "10.60.0.99"])
      expect(fromPeer(OTHER, packet({ source }), 44)).toEqual([]);
    expect(counters.read(OTHER).drops).toEqual({ "spoofed-source": 3 });
    expect(fromPeer(PEER, packet({ source: "10.60.0.2" }), 45)).toHaveLength(3);
    // Hosts of a member's LAN have addresses of their own.
    expect(fromPeer(PEER, packet({ source: "192.168.1.20" }), 46)).toHaveLength(3);
  });

  test("the same packet by two members", () => {
    fromPeer(PEER, packet(), 44);
    expect(fromPeer(OTHER, packet(), 44, { now: 9000 })).toEqual([]);
    expect(counters.read(OTHER).drops).toEqual({ duplicate: 1 });
  });

  test("a source that is active on another vif", () => {
    fromPeer(PEER, packet(), 44);
    expect(fromPeer(OTHER, packet({ id: 2 }), 45)).toEqual([]);
    expect(counters.read(OTHER).drops).toEqual({ rpf: 1 });
  });

  test("the copy that took another way and came first does not cost the one on the flow's own way", () => {
    fromPeer(PEER, packet(), 44);
    expect(fromPeer(OTHER, packet({ id: 2 }), 45)).toEqual([]);
    expect(fromPeer(PEER, packet({ id: 2 }), 45)).not.toEqual([]);
    expect(counters.read(PEER).drops).toEqual({});
  });

  test("what the tunnel carried and the LAN brings back", () => {
    fromPeer(PEER, packet(), 44);
    expect(fromDevice(LAN, packet())).toEqual([]);
    expect(counters.read(LAN).drops).toEqual({ loop: 1 });
  });

  test("IGMP from a device goes to the slow path, from a peer nowhere", () => {
    const igmp = packet({ group: "239.5.5.5" });
    igmp[9] = 2;
    expect(fromDevice(LAN, igmp)).toEqual([]);
    expect(events).toEqual([{ type: "membership-packet", vif: LAN, own: false, packet: igmp }]);
    expect(fromPeer(PEER, igmp, 1)).toEqual([]);
    expect(counters.read(PEER).drops).toEqual({ scope: 1 });
    expect(events).toHaveLength(1);
  });
});

test("no bytes whatever throw, or are forwarded beyond what is there", () => {
  whatever = 100;
  onTestFinished(() => void (whatever = 0));
  const at = arena.reserve(70_000) + 64;
  const seeds = [packet(), packet({ source: "2001:db8::1", group: "ff1e::1" })];
  const mutated = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 }),
      fc.nat(80),
    )
    .map(([seed, edits, length]) => {
      const bytes = seed.slice(0, length);
      for (const [place, value] of edits) if (place < bytes.length) bytes[place] = value;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated), fc.nat(), (bytes, sequence) => {
      arena.u8.set(bytes, at);
      for (const multicast of [true, false])
        forwarder.fromPeer(vifs[PEER]!, multicast, at, bytes.length, 1, 3, 7, 1, sequence, 1000);
      arena.u8.set(bytes, at);
      forwarder.fromDevice(vifs[TUN]!, at, bytes.length, 1, true, 1000);
      forwarder.fromDevice(vifs[LAN]!, at, bytes.length, 1, false, 1000);
      whatever = bytes.length;
      forwarder.flush(1000);
    }),
    { numRuns: 3000 },
  );
});
