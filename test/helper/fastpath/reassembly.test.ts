import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SLOT_BYTES } from "#fastpath/arena.ts";
import { Counters, countersBytes } from "#fastpath/counters.ts";
import {
  REASSEMBLY_PER_PEER,
  REASSEMBLY_SLOTS,
  REASSEMBLY_TIMEOUT_MS,
  Reassembly,
} from "#fastpath/reassembly.ts";
import { FRAGMENT_HEADER_LENGTH, KIND_MULTICAST, encodeFragmentHeader } from "#wire/frame.ts";
import { makeArena } from "./fixtures.ts";

const VIF = 5;
const ORIGIN = 0xdeadbeef;

interface Piece {
  readonly index: number;
  readonly count: number;
  readonly total: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

function setUp() {
  const arena = makeArena((REASSEMBLY_SLOTS + 4) * SLOT_BYTES);
  const counters = new Counters(new SharedArrayBuffer(countersBytes()));
  const reassembly: Reassembly = new Reassembly(arena, counters, () => reassembly.release());
  const at = arena.reserve(70_000);
  const add = (piece: Piece, { vif = VIF, sequence = 1, now = 0, flags = 0 } = {}): boolean => {
    encodeFragmentHeader(arena.u8, at, { kind: KIND_MULTICAST, ...piece });
    arena.u8.set(piece.data, at + FRAGMENT_HEADER_LENGTH);
    const length = FRAGMENT_HEADER_LENGTH + piece.data.length;
    return reassembly.add(vif, flags, 8, ORIGIN, 7, sequence, at, length, now);
  };
  const whole = (): Uint8Array => arena.copyOut(reassembly.offset, reassembly.length);
  return { add, whole, reassembly, drops: (vif = VIF) => counters.read(vif).drops };
}

function cut(bytes: Uint8Array, size: number): Piece[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, index) => ({
    index,
    count,
    total: bytes.length,
    offset: index * size,
    data: bytes.subarray(index * size, (index + 1) * size),
  }));
}

const shuffled = (pieces: Piece[]): fc.Arbitrary<Piece[]> =>
  fc.shuffledSubarray(pieces, { minLength: pieces.length });

test("pieces in any order make the packet again", () => {
  const { add, whole, reassembly } = setUp();
  let sequence = 0;
  fc.assert(
    fc.property(
      fc
        .uint8Array({ minLength: 200, maxLength: 4000 })
        .chain((bytes) => fc.tuple(fc.constant(bytes), shuffled(cut(bytes, 97)))),
      ([bytes, pieces]) => {
        sequence++;
        const results = pieces.map((piece) => add(piece, { sequence }));
        expect(results.indexOf(true)).toBe(pieces.length - 1);
        expect(whole()).toEqual(bytes);
        reassembly.release();
      },
    ),
  );
});

const BYTES = Uint8Array.from({ length: 300 }, (_, i) => i & 255);
const [FIRST, SECOND, THIRD] = cut(BYTES, 100) as [Piece, Piece, Piece];

describe("refused, and the packet with it", () => {
  test.each([
    ["a piece twice", [FIRST, FIRST], "fragment-overlap"],
    ["a piece that overlaps", [FIRST, { ...SECOND, offset: 99 }], "fragment-overlap"],
    ["another total", [FIRST, { ...SECOND, total: 301 }], "fragment-malformed"],
    ["another count", [FIRST, { ...SECOND, count: 4 }], "fragment-malformed"],
    ["a piece beyond the total", [FIRST, { ...THIRD, offset: 201 }], "fragment-malformed"],
    ["an index beyond the count", [FIRST, { ...THIRD, index: 3 }], "fragment-malformed"],
    ["a single piece that calls itself a fragment", [{ ...FIRST, count: 1 }], "fragment-malformed"],
    ["too many pieces", [{ ...FIRST, count: 65 }], "fragment-malformed"],
    ["a gap", [FIRST, SECOND, { ...THIRD, data: THIRD.data.subarray(1) }], "fragment-malformed"],
  ] as const)("%s", (_, pieces, reason) => {
    const { add, drops } = setUp();
    expect(pieces.map((piece) => add(piece))).not.toContain(true);
    expect(drops()).toEqual({ [reason]: 1 });
  });
});

describe("bounds", () => {
  test("one peer begins no more than its share, others still can", () => {
    const { add, drops } = setUp();
    for (let sequence = 0; sequence <= REASSEMBLY_PER_PEER; sequence++) add(FIRST, { sequence });
    expect(drops()).toEqual({ "fragment-overflow": 1 });
    add(FIRST, { vif: 6 });
    expect(drops(6)).toEqual({});
  });

  test("on a lossy path the newest packets are put together, however many are incomplete", () => {
    const { add } = setUp();
    for (let sequence = 0; sequence < 1_000; sequence++) {
      add(FIRST, { sequence });
      if (sequence % 2)
        expect([SECOND, THIRD].map((piece) => add(piece, { sequence }))).toEqual([false, true]);
    }
  });

  test("peers that begin packets and never end them take no place from one that does", () => {
    const { add, drops } = setUp();
    for (let round = 0; round < 20; round++) {
      for (let vif = 10; vif < 30; vif++)
        for (let n = 0; n < REASSEMBLY_PER_PEER; n++)
          add(FIRST, { vif, sequence: round * REASSEMBLY_PER_PEER + n });
      const whole = [FIRST, SECOND, THIRD].map((piece) => add(piece, { sequence: round }));
      expect(whole).toEqual([false, false, true]);
    }
    expect(drops()).toEqual({});
    expect(drops(29)["fragment-overflow"]).toBeGreaterThan(0);
  });

  test("an incomplete packet is given up after its time, and its place used again", () => {
    const { add, drops, whole } = setUp();
    for (let sequence = 0; sequence < REASSEMBLY_PER_PEER; sequence++) add(FIRST, { sequence });
    const now = REASSEMBLY_TIMEOUT_MS + 1;
    expect([FIRST, SECOND, THIRD].map((piece) => add(piece, { sequence: 99, now }))).toEqual([
      false,
      false,
      true,
    ]);
    expect(whole()).toEqual(BYTES);
    expect(drops()).toEqual({ "fragment-timeout": REASSEMBLY_PER_PEER });
  });

  test("whole packets that wait to be sent do not count, however many", () => {
    const { add, drops } = setUp();
    for (let sequence = 0; sequence < 3 * REASSEMBLY_SLOTS; sequence++)
      expect([FIRST, SECOND, THIRD].map((piece) => add(piece, { sequence }))).toEqual([false, false, true]);
    expect(drops()).toEqual({});
  });
});
