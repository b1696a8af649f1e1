import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { completeChecksum, lowerTtl, pseudoHeaderSum, setTtl, sumBytes } from "#fastpath/header-edits.ts";
import { onesComplementSum } from "#wire/checksum.ts";
import { headerHolds, makeArena, place, udpBytes, udpChecksumHolds } from "./fixtures.ts";

const payload = fc.uint8Array({ minLength: 0, maxLength: 1400 });

test("the sum is the one of wire/checksum.ts, for any length and alignment", () => {
  const arena = makeArena(1 << 16);
  fc.assert(
    fc.property(payload, fc.nat(7), (bytes, shift) => {
      arena.u8.set(bytes, 1024 + shift);
      expect(sumBytes(arena, 1024 + shift, bytes.length, 7)).toBe(onesComplementSum(bytes, 7));
    }),
  );
});

describe("TTL", () => {
  test("IPv4: one less, and the header checksum still holds, for every id and TTL", () => {
    const arena = makeArena(1 << 16);
    fc.assert(
      fc.property(fc.nat(0xffff), fc.integer({ min: 1, max: 255 }), (id, ttl) => {
        const bytes = udpBytes({
          source: "192.0.2.1",
          group: "239.1.2.3",
          payload: Buffer.from("x"),
          id,
          ttl,
        });
        arena.u8.set(bytes, 1024);
        lowerTtl(arena, 1024);
        expect(arena.u8[1032]).toBe(ttl - 1);
        expect(headerHolds(arena, 1024)).toBe(true);
      }),
    );
  });

  test("IPv4: any other one, and the header checksum still holds", () => {
    const arena = makeArena(1 << 16);
    fc.assert(
      fc.property(fc.nat(0xffff), fc.nat(255), fc.nat(255), (id, ttl, wanted) => {
        const to = { source: "192.0.2.1", group: "239.1.2.3", payload: Buffer.from("x") };
        arena.u8.set(udpBytes({ ...to, id, ttl }), 1024);
        setTtl(arena, 1024, wanted);
        expect(arena.u8[1032]).toBe(wanted);
        expect(headerHolds(arena, 1024)).toBe(true);
      }),
    );
  });

  test("IPv6: the hop limit, and nothing else", () => {
    const arena = makeArena(1 << 16);
    const bytes = udpBytes({ source: "2001:db8::1", group: "ff1e::1", payload: Buffer.from("x"), ttl: 9 });
    const at = place(arena, bytes);
    lowerTtl(arena, at);
    const expected = bytes.slice();
    expected[7] = 8;
    expect(arena.copyOut(at, bytes.length)).toEqual(expected);
  });
});

test.each([
  ["192.0.2.1", "239.1.2.3"],
  ["2001:db8::1", "ff1e::1"],
])("a partial checksum of %s is completed to the whole one", (source, group) => {
  const arena = makeArena(1 << 16);
  fc.assert(
    fc.property(payload, (data) => {
      const bytes = udpBytes({ source, group, payload: data });
      const ip = source.includes(":") ? 40 : 20;
      arena.u8.set(bytes, 1024);
      arena.dv.setUint16(1024 + ip + 6, pseudoHeaderSum(arena, 1024, 17, bytes.length - ip));
      completeChecksum(arena, 1024, ip, bytes.length, ip + 6);
      expect(udpChecksumHolds(arena, 1024, bytes.length)).toBe(true);
      expect(arena.copyOut(1024, bytes.length)).toEqual(bytes);
    }),
  );
});
