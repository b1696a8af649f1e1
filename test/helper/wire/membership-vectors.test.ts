import { describe, expect, test } from "vitest";
import { decodeMembershipPacket, encodeMembershipPacket } from "#wire/membership-packet.ts";
import { KERNEL_VECTORS } from "./membership-vectors.ts";
import { corrupted, fromHex, toHex } from "./round-trip.ts";

describe.each(KERNEL_VECTORS)("$name, as Linux sends it", ({ hex, packet }) => {
  const bytes = fromHex(hex);

  test("decodes", () => {
    expect(decodeMembershipPacket(bytes)).toEqual(packet);
  });

  test("is what we encode, to the byte", () => {
    // The kernel's bridge pads the hop-by-hop header with two Pad1, its hosts and we with one PadN.
    const padded = toHex(bytes).replace("3a00050200000000", "3a00050200000100");
    const { message, source, destination } = packet;
    expect(toHex(encodeMembershipPacket(message, source, destination))).toBe(padded);
  });

  test("is refused at every shorter length", () => {
    for (let length = 0; length < bytes.length; length++)
      expect(decodeMembershipPacket(bytes.subarray(0, length))).toHaveProperty("refused", "malformed");
  });

  test("is refused with any bit of the message changed", () => {
    const start = packet.family === 4 ? 24 : 48;
    for (let bit = start * 8; bit < bytes.length * 8; bit++) {
      const offset = bit >> 3;
      const bad = corrupted(bytes, { [offset]: bytes[offset]! ^ (1 << (bit & 7)) });
      expect(decodeMembershipPacket(bad)).toHaveProperty("refused", "bad-checksum");
    }
  });
});
