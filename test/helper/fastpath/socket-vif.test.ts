// The engine in this thread, with socket vifs alone: no descriptor is needed for them.
import { afterAll, beforeEach, expect, test } from "vitest";
import { allocateMemory, type NativeMemory } from "#edge/linux/memory.ts";
import { Counters, countersBytes } from "#fastpath/counters.ts";
import { ARENA_BYTES, Engine } from "#fastpath/engine.ts";
import { FlowMemory, flowMemoryBytes } from "#fastpath/flow-memory.ts";
import { InFlight, inFlightBytes, MAX_IN_FLIGHT, MAX_IN_FLIGHT_BYTES } from "#fastpath/in-flight.ts";
import type { FastPathEvent } from "#ports/fast-path.ts";
import { Forwarding, FORWARDING_LIMITS } from "#protocol/forwarding/forwarding.ts";
import { EXIT_WIRE } from "#protocol/forwarding/route-table.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import { ANY_SOURCE } from "#protocol/membership/source-filter.ts";
import { decodeIpPart, encodeAddressed } from "#wire/addressed-datagram.ts";
import { decodeUdp } from "#wire/udp.ts";

const GROUP = "239.7.7.7";
const [NEAR, FAR] = [1, 2];
let engine: Engine;
let counters: Counters;
let out: Extract<FastPathEvent, { type: "packet-out" }>[];
let inFlight: Record<number, SharedArrayBuffer>;
const memories: NativeMemory[] = [];

beforeEach(() => {
  const memory = allocateMemory(ARENA_BYTES);
  memories.push(memory);
  counters = new Counters(new SharedArrayBuffer(countersBytes()));
  out = [];
  engine = new Engine(memory, counters, new FlowMemory(new SharedArrayBuffer(flowMemoryBytes())), (event) => {
    if (event.type === "packet-out") out.push(event);
  });
  const forwarding = new Forwarding({ ...FORWARDING_LIMITS, scope: scopePolicy(), lanToLan: true });
  inFlight = {};
  for (const vif of [NEAR, FAR]) {
    inFlight[vif] = new SharedArrayBuffer(inFlightBytes());
    engine.handle({ type: "vif-add", vif, device: { kind: "socket", inFlight: inFlight[vif] } }, 0);
    forwarding.addVif(vif, { kind: "socket", upstream: true });
    forwarding.setListeners(vif, EXIT_WIRE, GROUP, ANY_SOURCE);
  }
  engine.handle({ type: "routes", ...forwarding.compile() }, 0);
});
afterAll(() => memories.forEach((memory) => memory.free()));

function packetOf(payload: string | Uint8Array, destination = GROUP): Uint8Array {
  const bytes = Buffer.from(payload);
  const ports = { sourcePort: 4000, destinationPort: 5004 };
  return encodeAddressed({ source: "192.0.2.1", destination, ttl: 64, payload: bytes, ...ports }, 1)[0]!;
}

function arrive(packet: Uint8Array): boolean {
  const took = new InFlight(inFlight[NEAR]!, "in").begin(packet.length);
  if (took) engine.handle({ type: "packet-in", vif: NEAR, packet }, 1000);
  return took;
}

test("what came in by one socket vif leaves by the other: TTL less one, all else the same, not back", () => {
  arrive(packetOf("hello"));
  expect(out.map(({ vif }) => vif)).toEqual([FAR]);
  const part = decodeIpPart(out[0]!.packet);
  expect(part).toMatchObject({ source: "192.0.2.1", destination: GROUP, ttl: 63 });
  expect(Buffer.from(decodeUdp(part.payload, part.source, part.destination).payload).toString()).toBe(
    "hello",
  );
  expect(counters.read(NEAR)).toMatchObject({ rxPackets: 1, rxBytes: 33, txPackets: 0, drops: {} });
  expect(counters.read(FAR)).toMatchObject({ rxPackets: 0, txPackets: 1, txBytes: 33, drops: {} });
});

test("scope and listeners are the fast path's as for other vifs", () => {
  arrive(packetOf("x", "239.7.7.8"));
  arrive(packetOf("x", "224.0.0.251"));
  expect(out).toEqual([]);
  expect(counters.read(NEAR).drops).toEqual({ "no-listener": 1, scope: 1 });
});

test("more than the main thread takes is dropped and counted; it goes on when that has taken some", () => {
  for (let i = 0; i < MAX_IN_FLIGHT + 10; i++) expect(arrive(packetOf(`${i}`))).toBe(true);
  expect(out).toHaveLength(MAX_IN_FLIGHT);
  expect(counters.read(FAR)).toMatchObject({ txPackets: MAX_IN_FLIGHT, drops: { "queue-full": 10 } });
  const sent = new InFlight(inFlight[FAR]!, "out");
  for (const { packet } of out.splice(0, 3)) sent.end(packet.length);
  for (let i = 0; i < 5; i++) arrive(packetOf(`again ${i}`));
  expect(out).toHaveLength(MAX_IN_FLIGHT);
  expect(counters.read(FAR).drops).toEqual({ "queue-full": 12 });
});

test("the same in bytes, for large datagrams", () => {
  const packet = packetOf(new Uint8Array(60_000));
  const most = Math.floor(MAX_IN_FLIGHT_BYTES / packet.length);
  for (let i = 0; i < most + 2; i++) arrive(packet);
  expect(out).toHaveLength(most);
  expect(counters.read(FAR).drops).toEqual({ "queue-full": 2 });
});

test("packets on their way in are bounded too: each is taken off when the fast path has it", () => {
  const way = new InFlight(inFlight[NEAR]!, "in");
  for (let i = 0; i < MAX_IN_FLIGHT; i++) expect(way.begin(100)).toBe(true);
  expect(arrive(packetOf("too many"))).toBe(false);
  way.end(100);
  expect(arrive(packetOf("one"))).toBe(true);
  expect(arrive(packetOf("two"))).toBe(true);
});

test("a packet for a vif that has gone meanwhile is nothing", () => {
  engine.handle({ type: "vif-remove", vif: NEAR }, 0);
  arrive(packetOf("late"));
  expect(out).toEqual([]);
});
