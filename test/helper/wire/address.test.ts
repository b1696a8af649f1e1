import * as fc from "fast-check";
import { expect, test } from "vitest";
import { addressBytes, addressText, canonicalAddress } from "#wire/address.ts";
import { anyAddress } from "./arbitraries.ts";

test("addresses round-trip through bytes", () => {
  fc.assert(
    fc.property(fc.oneof(anyAddress(4), anyAddress(6)), (address) => {
      expect(addressText(addressBytes(address))).toBe(address);
    }),
  );
});

test("the canonical form is the one that URLs use, from any valid text", () => {
  // Zeros are what the shortening is about, so half of the groups are zero.
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), fc.boolean(), (groups, upper) => {
      const text = groups.map((g) => g.toString(16).padStart(4, "0")).join(":");
      const canonical = canonicalAddress(upper ? text.toUpperCase() : text);
      expect(`[${canonical}]`).toBe(new URL(`http://[${text}]/`).hostname);
    }),
  );
});

test.each(["", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "g::"])(
  'refuses "%s"',
  (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  },
);
