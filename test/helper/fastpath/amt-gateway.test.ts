// What becomes of an AMT relay's datagrams, in plain memory: which are taken, and why others are not.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JoinedStreams } from "#fastpath/amt/joined-streams.ts";
import { copyMark } from "#fastpath/header-edits.ts";
import { writeAddressWords } from "#protocol/forwarding/address-words.ts";
import { headerHolds, makeArena, place, udpBytes } from "./fixtures.ts";

function key(group: string, source: string | undefined): Uint32Array {
  const words = new Uint32Array(8);
  writeAddressWords(words, 0, group);
  if (source !== undefined) writeAddressWords(words, 4, source);
  return words;
}

function streams(...all: readonly (readonly [string, string | undefined])[]): JoinedStreams {
  return new JoinedStreams(Uint32Array.from(all.flatMap(([group, source]) => [...key(group, source)])));
}

describe("what a relay was asked for", () => {
  test("is (S,G), of either family, and nothing else of the group or the source", () => {
    const joined = streams(["232.1.1.1", "192.0.2.1"], ["ff3e::1", "2001:db8::1"]);
    expect(joined.has(key("232.1.1.1", "192.0.2.1"))).toBe(true);
    expect(joined.has(key("ff3e::1", "2001:db8::1"))).toBe(true);
    expect(joined.has(key("232.1.1.1", "192.0.2.2"))).toBe(false);
    expect(joined.has(key("232.1.1.2", "192.0.2.1"))).toBe(false);
    expect(joined.has(key("232.1.1.1", "192.0.2.1"))).toBe(true); // again, after others
  });

  test("is (*,G) from whomever", () => {
    const joined = streams(["233.1.1.1", undefined], ["232.1.1.1", "192.0.2.1"]);
    expect(joined.has(key("233.1.1.1", "192.0.2.77"))).toBe(true);
    expect(joined.has(key("232.1.1.1", "192.0.2.77"))).toBe(false);
  });

  test("nothing at all holds nothing", () => {
    expect(streams().has(key("232.1.1.1", "192.0.2.1"))).toBe(false);
    expect(streams().has(new Uint32Array(8))).toBe(false);
  });

  test("of any number is the same as a set's", () => {
    const octet = fc.integer({ min: 1, max: 6 });
    const stream = fc.tuple(octet, fc.option(octet));
    fc.assert(
      fc.property(fc.array(stream, { maxLength: 60 }), fc.array(fc.tuple(octet, octet)), (asked, packets) => {
        const joined = streams(
          ...asked.map(([g, s]) => [`232.0.0.${g}`, s === null ? undefined : `192.0.2.${s}`] as const),
        );
        for (const [g, s] of packets)
          expect(joined.has(key(`232.0.0.${g}`, `192.0.2.${s}`))).toBe(
            asked.some(([group, source]) => group === g && (source === null || source === s)),
          );
      }),
    );
  });
});

// RFC 6040 figure 4: inside and outside to what comes out; undefined: dropped.
const [NOT, ECT1, ECT0, CE] = [0, 1, 2, 3] as const;
const RFC_6040: readonly (readonly [number, readonly (number | undefined)[]])[] = [
  [NOT, [NOT, NOT, NOT, undefined]],
  [ECT0, [ECT0, ECT1, ECT0, CE]],
  [ECT1, [ECT1, ECT1, ECT1, CE]],
  [CE, [CE, CE, CE, CE]],
];

describe("congestion marks (RFC 6040 section 4.2)", () => {
  const cases = RFC_6040.flatMap(([inside, row]) =>
    row.map((expected, outside) => ({ inside, outside, expected })),
  );
  test.each(cases)("$inside inside of $outside becomes $expected", ({ inside, outside, expected }) => {
    const DSCP = 0x2e << 2;
    for (const [source, group] of [
      ["192.0.2.1", "232.1.1.1"],
      ["2001:db8::1", "ff3e::1"],
    ] as const) {
      const arena = makeArena();
      const at = place(arena, udpBytes({ source, group, payload: Buffer.from("payload") }));
      const isV6 = source.includes(":");
      // Any DSCP beside it: it stays.
      if (isV6) arena.dv.setUint16(at, 0x6000 | ((DSCP | inside) << 4) | 0x7);
      else {
        const sum = arena.dv.getUint16(at + 10);
        arena.u8[at + 1] = DSCP | inside;
        const changed = sum - (DSCP | inside);
        arena.dv.setUint16(at + 10, changed < 0 ? changed - 1 : changed);
        expect(headerHolds(arena, at)).toBe(true);
      }
      expect(copyMark(arena, at, (0x14 << 2) | outside)).toBe(expected !== undefined);
      const after = isV6 ? (arena.dv.getUint16(at) >> 4) & 0xff : arena.u8[at + 1]!;
      expect(after).toBe(DSCP | (expected ?? inside));
      if (isV6) expect(arena.dv.getUint16(at) & 0xf00f).toBe(0x6007);
      else expect(headerHolds(arena, at)).toBe(true);
    }
  });
});
