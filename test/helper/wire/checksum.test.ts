import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressBytes } from "#wire/address.ts";
import { internetChecksum, onesComplementSum, pseudoHeaderSum, updateChecksum } from "#wire/checksum.ts";
import { fromHex } from "./round-trip.ts";

describe("Internet checksum", () => {
  test("the example of RFC 1071 section 3", () => {
    expect(onesComplementSum(fromHex("0001 f203 f4f5 f6f7"))).toBe(0xddf2);
    expect(internetChecksum(fromHex("0001 f203 f4f5 f6f7"))).toBe(0x220d);
  });

  test("an odd last byte counts as the high one", () => {
    expect(onesComplementSum(fromHex("0001 f2"))).toBe(onesComplementSum(fromHex("0001 f200")));
  });

  test("the largest packet of ones does not overflow", () => {
    expect(onesComplementSum(new Uint8Array(65_536).fill(0xff), 0xffff)).toBe(0xffff);
  });

  test("the pseudo header counts a length of more than 16 bits", () => {
    const [source, destination] = [addressBytes("::1"), addressBytes("::2")];
    expect(pseudoHeaderSum(source, destination, 58, 0x1_0005)).toBe(1 + 2 + 58 + 1 + 5);
  });

  test("sums of parts are the sum of the whole", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        if (a.length % 2 !== 0) return;
        const whole = Uint8Array.of(...a, ...b);
        expect(onesComplementSum(b, onesComplementSum(a))).toBe(onesComplementSum(whole));
      }),
    );
  });
});

describe("incremental update", () => {
  test("the example of RFC 1624 section 4, where the older equation failed", () => {
    expect(updateChecksum(0xdd2f, 0x5555, 0x3285)).toBe(0x0000);
  });

  test("is the same as summing again", () => {
    const word = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 60 }), fc.nat(3), word, (bytes, index, after) => {
        bytes[7] = 1; // data of zeros alone has two checksums, and no packet is so
        if (index === 3) return;
        const checksum = internetChecksum(bytes);
        const before = (bytes[2 * index]! << 8) | bytes[2 * index + 1]!;
        bytes[2 * index] = after >> 8;
        bytes[2 * index + 1] = after & 0xff;
        expect(updateChecksum(checksum, before, after)).toBe(internetChecksum(bytes));
      }),
    );
  });
});
