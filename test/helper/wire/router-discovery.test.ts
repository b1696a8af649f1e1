import { describe, expect, test } from "vitest";
import { DecodeError, EncodeError } from "#wire/cursor.ts";
import {
  decodeRouterAdvertisement,
  decodeRouterSolicitation,
  encodeRouterAdvertisement,
  encodeRouterSolicitation,
  type RouterAdvertisement,
} from "#wire/router-discovery.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replaceAll(/\s/g, ""));
const MAC = bytes("020000000001");

const RA: RouterAdvertisement = {
  currentHopLimit: 64,
  managed: false,
  otherConfiguration: true,
  preference: "low",
  routerLifetime: 600,
  reachableTime: 0,
  retransTimer: 1_000,
  sourceLinkLayer: MAC,
  mtu: 1_400,
  prefixes: [
    {
      prefix: { address: "fd12:3456:789a:2::", length: 64 },
      onLink: true,
      autonomous: true,
      validLifetime: 7_200,
      preferredLifetime: 1_800,
    },
  ],
  routes: [
    { prefix: { address: "fd12:3456:789a::", length: 48 }, preference: "medium", lifetime: 600 },
    { prefix: { address: "2001:db8::1", length: 128 }, preference: "high", lifetime: 0xffffffff },
    { prefix: { address: "::", length: 0 }, preference: "low", lifetime: 0 },
  ],
};

const HEX = `
  40 58 0258 00000000 000003e8
  01 01 020000000001
  05 01 0000 00000578
  03 04 40 c0 00001c20 00000708 00000000 fd123456789a00020000000000000000
  18 02 30 00 00000258 fd123456789a0000
  18 03 80 08 ffffffff 20010db8000000000000000000000001
  18 01 00 18 00000000`;

test("a router advertisement, there and back", () => {
  const message = encodeRouterAdvertisement(RA);
  expect(message).toMatchObject({ type: 134, code: 0 });
  expect(message.body.toHex()).toBe(bytes(HEX).toHex());
  expect(decodeRouterAdvertisement(message)).toEqual(RA);
});

test("a router solicitation, there and back", () => {
  for (const sourceLinkLayer of [MAC, undefined]) {
    const message = encodeRouterSolicitation({ sourceLinkLayer });
    expect(message.type).toBe(133);
    expect(decodeRouterSolicitation(message, "fe80::1")).toEqual({ sourceLinkLayer });
  }
});

test("other messages are none of ours", () => {
  const other = { type: 135, code: 0, body: bytes("00000000") };
  expect(decodeRouterAdvertisement(other)).toBeUndefined();
  expect(decodeRouterSolicitation(other, "fe80::1")).toBeUndefined();
});

describe("dropped, as section 6.1 has it", () => {
  const solicitation = (hex: string, code = 0) => ({ type: 133, code, body: bytes(hex) });
  const advertisement = (hex: string, code = 0) => ({ type: 134, code, body: bytes(hex) });
  const HEAD = "40 00 0258 00000000 00000000";

  test.each([
    ["a code", solicitation("00000000", 1)],
    ["too short", solicitation("000000")],
    ["an option without a length", solicitation("00000000 0100 020000000001")],
    ["an option cut short", solicitation("00000000 0101 0200000000")],
  ])("a solicitation with %s", (_what, message) => {
    expect(() => decodeRouterSolicitation(message, "fe80::1")).toThrow(DecodeError);
  });

  test("a link-layer address of a host that has no address", () => {
    expect(() => decodeRouterSolicitation(solicitation("00000000 0101 020000000001"), "::")).toThrow(
      DecodeError,
    );
    expect(decodeRouterSolicitation(solicitation("00000000"), "::")).toBeDefined();
  });

  test.each([
    ["a code", advertisement(HEAD, 2)],
    ["too short", advertisement("40 00 0258")],
    ["an option without a length", advertisement(`${HEAD} 0300`)],
    ["a prefix cut short", advertisement(`${HEAD} 0301 40c0 00001c20`)],
    [
      "a prefix of 129 bits",
      advertisement(`${HEAD} 0304 81c0 00001c20 00000708 00000000 ${"00".repeat(16)}`),
    ],
  ])("an advertisement with %s", (_what, message) => {
    expect(() => decodeRouterAdvertisement(message)).toThrow(DecodeError);
  });

  test("unknown options and routes of a reserved preference are skipped", () => {
    const message = advertisement(`${HEAD} 1901 000000000000 1802 3010 00000258 fd123456789a0000`);
    expect(decodeRouterAdvertisement(message)).toMatchObject({ prefixes: [], routes: [] });
  });

  test("a route whose prefix is longer than what is said of it is skipped", () => {
    expect(decodeRouterAdvertisement(advertisement(`${HEAD} 1801 4000 00000258`))).toMatchObject({
      routes: [],
    });
  });
});

test("no prefix is preferred for longer than it is valid", () => {
  const prefixes = [{ ...RA.prefixes[0]!, preferredLifetime: 7_201 }];
  expect(() => encodeRouterAdvertisement({ ...RA, prefixes })).toThrow(EncodeError);
});
