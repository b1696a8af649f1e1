import { describe, expect, test } from "vitest";
import { Batch } from "#fastpath/batch.ts";
import { Coalescer } from "#fastpath/coalesce.ts";
import { pseudoHeaderSum } from "#fastpath/header-edits.ts";
import { writeSuperHeaders } from "#fastpath/super-packet.ts";
import { FLAG_CHECKSUM_VERIFIED, KIND_MULTICAST } from "#wire/frame.ts";
import { headerHolds, makeArena, place, udpBytes } from "./fixtures.ts";
import type { UdpOptions } from "./fixtures.ts";

interface Item extends Partial<UdpOptions> {
  readonly size: number;
  readonly flow?: number;
  readonly flags?: number;
}

/** Groups as lists of places in the batch. */
function groupsOf(items: readonly Item[], consecutiveIds = false): number[][] {
  const arena = makeArena(4 << 20);
  const batch = new Batch();
  for (const { size, flow = 1, flags = FLAG_CHECKSUM_VERIFIED, ...options } of items) {
    const bytes = udpBytes({
      source: "192.0.2.1",
      group: "239.1.2.3",
      payload: new Uint8Array(size),
      ...options,
    });
    batch.add(place(arena, bytes), bytes.length, KIND_MULTICAST, flags, flow);
  }
  const coalescer = new Coalescer(arena, consecutiveIds);
  coalescer.group(batch, Int32Array.from(items.keys()), items.length);
  return Array.from({ length: coalescer.groups }, (_, g) => {
    const list: number[] = [];
    for (let i = coalescer.first[g]!; i >= 0; i = coalescer.next[i]!) list.push(i);
    expect(coalescer.size[g]).toBe(list.length);
    return list;
  });
}

const V6 = { source: "2001:db8::1", group: "ff1e::1" };

describe("joined", () => {
  test.each([
    ["equal sizes", [{ size: 9 }, { size: 9 }, { size: 9 }], [[0, 1, 2]]],
    [
      "IPv6",
      [
        { size: 9, ...V6 },
        { size: 9, ...V6 },
      ],
      [[0, 1]],
    ],
    ["a shorter one, as the last", [{ size: 9 }, { size: 5 }, { size: 5 }], [[0, 1], [2]]],
    [
      "two flows, interleaved",
      [{ size: 9 }, { size: 7, flow: 2 }, { size: 9 }, { size: 7, flow: 2 }],
      [
        [0, 2],
        [1, 3],
      ],
    ],
    [
      "two ports of one group, interleaved",
      [{ size: 9 }, { size: 9, port: 6000 }, { size: 9 }, { size: 9, port: 6000 }],
      [
        [0, 2],
        [1, 3],
      ],
    ],
  ] as const)("%s", (_, items, groups) => expect(groupsOf(items)).toEqual(groups));
});

describe("not joined", () => {
  test.each([
    ["a longer one", [{ size: 5 }, { size: 9 }]],
    ["another TTL", [{ size: 9 }, { size: 9, ttl: 3 }]],
    ["another don't-fragment bit", [{ size: 9 }, { size: 9, dontFragment: true }]],
    [
      "a checksum that nobody vouches for",
      [
        { size: 9, flags: 0 },
        { size: 9, flags: 0 },
      ],
    ],
    [
      "unicast",
      [
        { size: 9, flow: -1 },
        { size: 9, flow: -1 },
      ],
    ],
    ["empty datagrams", [{ size: 0 }, { size: 0 }]],
  ] as const)("%s", (_, items) => expect(groupsOf(items)).toEqual([[0], [1]]));

  test("ids that do not follow one another, where they must", () => {
    const ids = [7, 8, 9, 11].map((id) => ({ size: 9, id }));
    expect(groupsOf(ids, true)).toEqual([[0, 1, 2], [3]]);
    expect(groupsOf(ids)).toEqual([[0, 1, 2, 3]]);
  });

  test("no packet overtakes another of its flow", () => {
    const items = [{ size: 9 }, { size: 9, flags: 0 }, { size: 9 }];
    expect(groupsOf(items)).toEqual([[0], [1], [2]]);
  });

  test("no more than 64, and no more than an IP packet holds", () => {
    const small = groupsOf(Array.from({ length: 130 }, () => ({ size: 9 })));
    expect(small.map((group) => group.length)).toEqual([64, 64, 2]);
    const big = groupsOf(Array.from({ length: 50 }, () => ({ size: 1400 })));
    expect(big.map((group) => group.length)).toEqual([46, 4]);
  });
});

test.each([
  ["192.0.2.1", "239.1.2.3", 20],
  ["2001:db8::1", "ff1e::1", 40],
])("the headers of a whole from %s", (source, group, ip) => {
  const arena = makeArena();
  const at = place(arena, udpBytes({ source, group, payload: new Uint8Array(1000) }));
  const total = ip + 8 + 3000;
  writeSuperHeaders(arena, at, total, 1000, 0);
  const { dv } = arena;
  if (ip === 20) {
    expect(dv.getUint16(at + 2)).toBe(total);
    expect(headerHolds(arena, at)).toBe(true);
  } else expect(dv.getUint16(at + 4)).toBe(3008);
  expect(dv.getUint16(at + ip + 4)).toBe(3008);
  expect(dv.getUint16(at + ip + 6)).toBe(pseudoHeaderSum(arena, at, 17, 3008));
  const header = [0, 2, 4, 6, 8].map((field) => dv.getUint16(at - 10 + field, true));
  expect(header).toEqual([1 | (5 << 8), ip + 8, 1000, ip, 6]); // NEEDS_CSUM, UDP_L4
});
