import { expect, test } from "vitest";
import {
  cacheControl,
  countRequest,
  decodeCount,
  vifControl,
} from "#edge/linux/multicast-routing-structs.ts";

/** Blanks part the fields. */
const hex = (fields: string): string => fields.replaceAll(" ", "");

// Hex as the compiler lays out linux/mroute.h and mroute6.h on a 64-bit machine.
test("struct vifctl and mif6ctl name an interface by its index", () => {
  expect(vifControl(4, 3, 258).toHex()).toBe(hex("0300 08 01 00000000 02010000 00000000"));
  expect(vifControl(6, 3, 258).toHex()).toBe(hex("0300 00 01 0201 0000 00000000"));
});

test("struct mfcctl: a threshold for each vif that it leaves by, 0 for the others", () => {
  const out = new Map([
    [0, 1],
    [31, 255],
  ]);
  const bytes = cacheControl(4, { source: "192.0.2.1", group: "239.1.2.3", inVif: 2, out });
  expect(bytes).toHaveLength(60);
  expect(bytes.toHex()).toBe(hex(`c0000201 ef010203 0200 01 ${"00".repeat(30)} ff ${"00".repeat(18)}`));
});

test("struct mf6cctl: a bit for each", () => {
  const out = new Map([
    [0, 1],
    [9, 1],
  ]);
  const bytes = cacheControl(6, { source: "2001:db8::1", group: "ff1e::5", inVif: 2, out });
  expect(bytes).toHaveLength(92);
  expect(bytes.subarray(0, 28).toHex()).toBe(
    hex("0a00 0000 00000000 20010db8000000000000000000000001 00000000"),
  );
  expect(bytes.subarray(56).toHex()).toBe(hex(`0200 0000 0102 ${"00".repeat(30)}`));
});

test.each([
  [4, "10.0.0.1", "239.1.1.1", 32],
  [6, "2001:db8::1", "ff1e::1", 80],
] as const)("IPv%i: the counters stand behind the addresses", (family, source, group, length) => {
  const request = countRequest(family, source, group);
  expect(request).toHaveLength(length);
  for (const [i, value] of [7n, 700n, 2n].entries()) request.writeBigUInt64LE(value, length - 24 + 8 * i);
  expect(decodeCount(request)).toEqual({ packets: 7, bytes: 700, wrongInterface: 2 });
});
