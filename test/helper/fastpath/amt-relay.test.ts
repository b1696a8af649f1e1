import { describe, expect, test } from "vitest";
import { GatewayBuckets } from "#fastpath/amt/gateway-buckets.ts";
import { GATEWAY_NAMES_BYTES, GatewayTable } from "#fastpath/amt/gateway-table.ts";
import { StreamRuns } from "#fastpath/amt/stream-runs.ts";
import { WordIndex } from "#fastpath/amt/word-index.ts";
import { Batch } from "#fastpath/batch.ts";
import { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { makeArena, place, udpBytes } from "./fixtures.ts";

test("keys come and go as in a Map", () => {
  const random = new SeededRandom(7);
  const keys = new Uint32Array(64 * 2);
  const index = new WordIndex(keys, 2, 64, 1);
  const model = new Map<string, number>();
  const free = Array.from({ length: 64 }, (_, i) => i);
  for (let step = 0; step < 20_000; step++) {
    const key = Uint32Array.of(random.below(8), random.below(16));
    const known = model.get(key.join());
    expect(index.find(key)).toBe(known ?? -1);
    if (known !== undefined && random.oneIn(2)) {
      index.remove(known);
      model.delete(key.join());
      free.push(known);
    } else if (known === undefined && free.length > 0) {
      const value = free.pop()!;
      keys.set(key, value * 2);
      index.add(value);
      model.set(key.join(), value);
    }
  }
});

describe("gateways", () => {
  test("are known by address and port, of either family, until they are gone; each may ask so often", () => {
    const arena = makeArena(4 << 20);
    const table = new GatewayTable(arena, arena.reserve(GATEWAY_NAMES_BYTES), 3);
    const endpoints = [
      { address: "198.51.100.7", port: 4000 },
      { address: "198.51.100.7", port: 4001 },
      { address: "2001:db8::7", port: 4000 },
    ];
    for (const [i, endpoint] of endpoints.entries()) table.set(i + 1, endpoint, i % 2, i === 2);
    for (const [i, endpoint] of endpoints.entries()) {
      expect(table.find(table.nameAt(i + 1))).toBe(i + 1);
      expect(table.endpoint(table.nameAt(i + 1))).toEqual(endpoint);
      expect(table.isIpv6(i + 1)).toBe(i === 2);
    }
    table.set(1, { address: "198.51.100.7", port: 4002 }, 0, false);
    expect(table.find(table.nameAt(1))).toBe(1);
    table.remove(2);
    expect(table.find(table.nameAt(2))).toBe(-1);
    let asked = 0;
    while (table.mayAsk(3, 1_000)) asked++;
    expect(asked).toBe(100);
    expect(table.mayAsk(3, 1_060)).toBe(true);
    expect(table.mayAsk(3, 1_060)).toBe(false);
    expect(() => table.set(0, endpoints[0]!, 0, false)).toThrow(RangeError);
  });
});

test("each gateway has a bucket for itself, full at first", () => {
  const buckets = new GatewayBuckets(100, 70_000);
  const taken = (gateway: number, now: number): number => {
    let packets = 0;
    while (buckets.take(gateway, 1_000, now)) packets++;
    return packets;
  };
  expect(taken(1, 5_000)).toBe(70);
  expect(taken(1, 5_025)).toBe(2);
  expect(taken(1, 5_030)).toBe(1); // the 500 bytes that were over, and 500 more
  expect(taken(2, 5_030)).toBe(70);
  expect(taken(1, 60_000)).toBe(70);
  // The number goes to another gateway.
  buckets.clear(1);
  expect(taken(1, 60_000)).toBe(70);
});

describe("runs of a burst", () => {
  const arena = makeArena(4 << 20);
  const runs = new StreamRuns(arena);
  /** Packets as flow, payload length and ECN mark. Returns the runs as the payload lengths in them. */
  function form(
    packets: readonly (readonly [flow: number, length: number, mark?: number])[],
    join = true,
  ): number[][] {
    const batch = new Batch();
    const places = new Int32Array(packets.length);
    for (const [i, [flow, length, mark = 0]] of packets.entries()) {
      const bytes = udpBytes({ source: "192.0.2.1", group: "232.1.1.1", payload: new Uint8Array(length) });
      bytes[1] = mark;
      places[i] = batch.add(place(arena, bytes), bytes.length, 0, 0, flow);
    }
    runs.form(batch, places, packets.length, join);
    return Array.from({ length: runs.count }, (_, run) => {
      const lengths: number[] = [];
      for (let i = runs.first[run]!; i >= 0; i = runs.next[i]!) lengths.push(batch.length[i]! - 28);
      expect(runs.size[run]).toBe(lengths.length);
      expect(runs.controlLength(run, 0)).toBe(lengths.length > 1 ? 24 : 0);
      return lengths;
    });
  }

  test("equally long packets of one flow, however the flows are mixed; a shorter one ends its run", () => {
    const packets = [
      [1, 100],
      [2, 100],
      [1, 100],
      [2, 90],
      [1, 50],
      [2, 90],
      [1, 100],
    ] as const;
    expect(form(packets)).toEqual([[100, 100, 50], [100, 90], [90], [100]]);
    expect(form(packets, false)).toHaveLength(7);
  });

  test("no longer one, no other congestion mark, and no more than the kernel takes", () => {
    expect(
      form([
        [1, 100],
        [1, 101],
        [1, 101, 3],
        [1, 101, 3],
      ]),
    ).toEqual([[100], [101], [101, 101]]);
    const many = Array.from({ length: 100 }, () => [1, 1_300] as const);
    const formed = form(many);
    expect(formed.map(({ length }) => length)).toEqual([48, 48, 4]);
    expect(form(Array.from({ length: 100 }, () => [1, 10] as const)).map(({ length }) => length)).toEqual([
      64, 36,
    ]);
  });
});
