// Counters, rates, prefixes and short memories.
import { describe, expect, test } from "vitest";
import { Counters, RX_PACKETS, TRANSPORT_ROW, countersBytes } from "#fastpath/counters.ts";
import * as reasons from "#fastpath/drop-reasons.ts";
import { IpPacket } from "#fastpath/ip-packet.ts";
import { LanMemory } from "#fastpath/lan-memory.ts";
import { LAN_MEMORY_MS, TUNNEL_MEMORY_MS } from "#fastpath/payload-cache.ts";
import { PrefixSet, UnicastRoutes } from "#fastpath/prefixes.ts";
import { RateLimit } from "#fastpath/rate-limit.ts";
import { RecentLargest } from "#fastpath/recent-largest.ts";
import { SequenceCounter } from "#fastpath/sequence-counter.ts";
import { TokenBucket } from "#fastpath/token-bucket.ts";
import { writeAddressWords } from "#protocol/forwarding/address-words.ts";
import { addressBytes } from "#wire/address.ts";
import { lowerTtl } from "#fastpath/header-edits.ts";
import { makeArena, place, udpBytes } from "./fixtures.ts";

describe("counters", () => {
  test("each reason has its constant, in its place", () => {
    const constants = Object.entries(reasons).filter(
      ([name]) => name.startsWith("DROP_") && name !== "DROP_REASONS",
    );
    const named = constants.map(([name, place]) => [name.slice(5).toLowerCase().replaceAll("_", "-"), place]);
    expect(named.sort((a, b) => Number(a[1]) - Number(b[1]))).toEqual(
      reasons.DROP_REASONS.map((reason, place) => [reason, place]),
    );
  });

  test("what one thread counts the other reads; a vif that comes again starts from zero", () => {
    const memory = new SharedArrayBuffer(countersBytes());
    const [writer, reader] = [new Counters(memory), new Counters(memory)];
    writer.add(7, RX_PACKETS, 3);
    writer.drop(7, reasons.DROP_TTL);
    writer.drop(TRANSPORT_ROW, reasons.DROP_UNKNOWN_INDEX, 5);
    expect(reader.read(7)).toMatchObject({ rxPackets: 3, drops: { ttl: 1 } });
    expect(reader.read(TRANSPORT_ROW).drops).toEqual({ "unknown-index": 5 });
    writer.clear(7);
    expect(reader.read(7)).toMatchObject({ rxPackets: 0, drops: {} });
    expect(reader.read(TRANSPORT_ROW).drops).toEqual({ "unknown-index": 5 });
  });
});

test("a token bucket lets its burst through, then its rate", () => {
  const bucket = new TokenBucket(100, 5);
  const taken = (now: number, tries: number): number =>
    Array.from({ length: tries }, () => bucket.take(now)).filter(Boolean).length;
  expect(taken(1000, 50)).toBe(5);
  expect(taken(1020, 50)).toBe(2);
  expect(taken(1_000_000, 50)).toBe(5);
});

test("a sequence goes on in the next epoch when its counter is full", () => {
  const sequence = new SequenceCounter();
  sequence.start(1, 7);
  sequence.counter = 0xffff_fffe;
  sequence.next();
  expect([sequence.epoch, sequence.counter]).toEqual([7, 0xffff_ffff]);
  sequence.next();
  expect([sequence.epoch, sequence.counter]).toEqual([8, 0]);
});

describe("unicast", () => {
  const prefix = (text: string, length: number) => ({ address: addressBytes(text), length });
  const words = (address: string): Uint32Array => {
    const key = new Uint32Array(4);
    writeAddressWords(key, 0, address);
    return key;
  };

  test("a peer's sources, in both forms of IPv4", () => {
    const mapped = { address: addressBytes("::ffff:10.9.0.0"), length: 112 };
    const set = new PrefixSet([prefix("fd00:1::", 64), mapped, prefix("10.8.0.2", 32)]);
    const inside = ["fd00:1::5", "10.9.255.1", "10.8.0.2"];
    const outside = ["fd00:1:0:1::5", "10.10.0.1", "10.8.0.3", "::"];
    expect(inside.map((address) => set.has(words(address), 0))).toEqual([true, true, true]);
    expect(outside.map((address) => set.has(words(address), 0))).toEqual([false, false, false, false]);
  });

  test("the longest prefix wins, asked once or again", () => {
    const routes = new UnicastRoutes([
      { ...prefix("::", 0), vif: 1 },
      { ...prefix("fd00:1::", 64), vif: 2 },
      { ...prefix("fd00:1::5", 128), vif: 3 },
    ]);
    for (let again = 0; again < 2; again++)
      expect(["2001:db8::1", "fd00:1::6", "fd00:1::5"].map((a) => routes.find(words(a), 0))).toEqual([
        1, 2, 3,
      ]);
    expect(new UnicastRoutes([]).find(words("::1"), 0)).toBe(-1);
  });
});

describe("LAN memory", () => {
  const arena = makeArena();
  const bytes = udpBytes({
    source: "192.0.2.1",
    group: "239.1.2.3",
    payload: Buffer.from("a frame, any frame"),
  });
  const packet = new IpPacket();
  const hashAt = (at: number, memory: LanMemory): number => {
    expect(packet.parse(arena, at, bytes.length)).toBe(true);
    return memory.hash(packet, at);
  };

  test("what the tunnel carried and a LAN brings back is known, with a lower TTL and another checksum", () => {
    const memory = new LanMemory(arena);
    const [there, back] = [place(arena, bytes), place(arena, bytes)];
    memory.carry(0, hashAt(there, memory), 1000);
    lowerTtl(arena, back);
    arena.dv.setUint16(back + 26, 0x1234); // the UDP checksum, partial at one place
    expect(memory.hearOnLan(1, hashAt(back, memory), 1000 + TUNNEL_MEMORY_MS - 1)).toBe(true);
    expect(memory.hearOnLan(1, hashAt(back, memory), 1000 + TUNNEL_MEMORY_MS)).toBe(false);
  });

  test("what was heard on a LAN is not sent there again, but to others", () => {
    const memory = new LanMemory(arena);
    const hash = hashAt(place(arena, bytes), memory);
    expect(memory.hearOnLan(1, hash, 1000)).toBe(false);
    memory.carry(4, hash, 1010);
    expect(memory.heardHere(1, 4, 1010)).toBe(true);
    expect(memory.heardHere(2, 4, 1010)).toBe(false);
    expect(memory.heardHere(1, 4, 1000 + LAN_MEMORY_MS)).toBe(false);
  });

  test("another id or another payload is another packet", () => {
    const memory = new LanMemory(arena);
    const at = place(arena, bytes);
    const hash = hashAt(at, memory);
    arena.dv.setUint16(at + 4, 99);
    expect(hashAt(at, memory)).not.toBe(hash);
    arena.u8.set(bytes, at);
    arena.u8[at + 30] = 0;
    expect(hashAt(at, memory)).not.toBe(hash);
  });
});

test("the largest of the last half second, and of nothing before", () => {
  let shown = 0;
  const largest = new RecentLargest((value) => (shown = value));
  const seen = (value: number, now: number): number => {
    largest.note(value, now);
    return shown;
  };
  expect([seen(100, 0), seen(1400, 10), seen(200, 240)]).toEqual([100, 1400, 1400]);
  expect([seen(200, 255), seen(300, 400)]).toEqual([1400, 1400]);
  expect([seen(200, 510), seen(80, 2_000)]).toEqual([300, 80]);
});

describe("a rate limit", () => {
  /** Bytes that go in a second of packets, twenty each ms. */
  const second = (limit: RateLimit, from: number, bytes: number): number => {
    let gone = 0;
    for (let n = 0; n < 20_000; n++) if (limit.take(bytes, from + n / 20)) gone += bytes;
    return gone;
  };

  test("lets its rate through, whatever the packets' size; the largest packet, too", () => {
    for (const size of [100, 1_400, 60_000]) {
      const limit = new RateLimit();
      limit.set(8_000_000, 0);
      second(limit, 0, size);
      expect(Math.abs(second(limit, 1_000, size) / 1_000_000 - 1)).toBeLessThan(0.1);
    }
  });

  test("off at first and again; of nothing, nothing goes", () => {
    const limit = new RateLimit();
    expect(limit.on).toBe(false);
    limit.set(0, 0);
    expect([limit.on, second(limit, 0, 1)]).toEqual([true, 0]);
    limit.set(undefined, 0);
    expect(limit.on).toBe(false);
  });

  test("a long pause gives no more than a burst", () => {
    const limit = new RateLimit();
    limit.set(1_000_000, 0);
    let gone = 0;
    while (limit.take(1_000, 3_600_000)) gone += 1_000;
    expect(gone).toBeLessThanOrEqual(70_000);
  });
});
