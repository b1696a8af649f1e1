import * as fc from "fast-check";
import { expect, test } from "vitest";
import { landingRanges } from "#protocol/forwarding/landing-ranges.ts";
import { DEFAULT_SHARED, groupRefusal, scopePolicy } from "#protocol/forwarding/scope.ts";
import { addressBytes, addressText, parsePrefix, prefixContains, prefixText } from "#wire/address.ts";

const POLICY = scopePolicy();
const SHARED = DEFAULT_SHARED.map(parsePrefix);
const texts = (ranges: readonly string[]): string[] =>
  landingRanges(ranges.map(parsePrefix), POLICY).map(prefixText);

test("a range without exceptions stays one", () => {
  expect(texts(["232.0.0.0/8", "ff3e::/16"])).toEqual(["232.0.0.0/8", "ff3e::/16"]);
});

test("SSDP's group is cut out, and nothing else", () => {
  expect(texts(["239.255.255.248/29"])).toEqual([
    "239.255.255.248/31",
    "239.255.255.251/32",
    "239.255.255.252/30",
  ]);
});

test.each([
  ["everything there is", ["0.0.0.0/0", "::/0"]],
  ["all of multicast", ["224.0.0.0/4", "ff00::/8"]],
])("a host that shares %s gets no more routes than for what may cross", (_, ranges) => {
  expect(texts(ranges)).toEqual(texts(DEFAULT_SHARED));
});

test.each(["10.0.0.0/8", "2000::/3", "224.0.0.0/24", "ff02::/16", "239.255.255.250/32"])(
  "no route for %s",
  (range) => expect(texts([range])).toEqual([]),
);

test("few enough routes for every guest's kernel", () => {
  expect(texts(DEFAULT_SHARED).length).toBeLessThan(600);
});

/** Groups at random, and those at and next to the known ones. */
const group = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => {
    bytes[0] = 0xe0 | bytes[0]!;
    return bytes;
  }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => {
    bytes[0] = 0xff;
    return bytes;
  }),
  fc
    .tuple(
      fc.constantFrom(
        ...["239.255.255.250", "224.0.1.129", "224.0.0.251", "225.0.0.0", "239.0.0.0"],
        ...["ff05::c", "ff0e::fb", "ff08::1:3", "ff05::1:3", "ff0e::181", "ff05::184", "ff1e::181", "ff35::"],
      ),
      fc.integer({ min: -2, max: 2 }),
    )
    .map(([near, by]) => {
      const bytes = addressBytes(near);
      bytes[bytes.length - 1] = bytes.at(-1)! + by;
      return bytes;
    }),
);

test("a group lands in the tunnel exactly where it is shared and crosses", () => {
  const landing = landingRanges(SHARED, POLICY);
  fc.assert(
    fc.property(group, (bytes) => {
      const address = addressText(bytes);
      const lands = landing.some((range) => prefixContains(range, address));
      expect(lands, address).toBe(groupRefusal(POLICY, address) === undefined);
    }),
    { numRuns: 500 },
  );
});
