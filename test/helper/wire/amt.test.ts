import { describe, expect, test } from "vitest";
import { AMT_PORT, decodeAmt, encodeAmt } from "#wire/amt.ts";
import { DecodeError } from "#wire/cursor.ts";
import { encodeIpv4 } from "#wire/ipv4.ts";
import { encodeUdp } from "#wire/udp.ts";
import { LinkType } from "#test/support/pcap.ts";
import { AMT_MESSAGES } from "./fuzz-amt-targets.ts";
import { corrupted, expectRoundTrip, fromHex, toHex } from "./round-trip.ts";
import { dissect, hasTshark } from "./tshark.ts";

const encoded = (kind: string): Uint8Array =>
  encodeAmt(AMT_MESSAGES.find((message) => message.kind === kind)!);

describe("AMT messages (RFC 7450 section 5.1)", () => {
  test.each(AMT_MESSAGES.map((message) => [message.kind, message] as const))("%s", (_kind, message) => {
    expectRoundTrip(message, encodeAmt, decodeAmt);
  });

  test.each([
    ["01 000000 12345678", { kind: "relay-discovery", nonce: 0x1234_5678 }],
    ["02 000000 12345678 c0000201", { kind: "relay-advertisement", nonce: 0x1234_5678, relay: "192.0.2.1" }],
    ["03 01 0000 12345678", { kind: "request", nonce: 0x1234_5678, family: 6, flag: "rfc" }],
    ["03 80 0000 12345678", { kind: "request", nonce: 0x1234_5678, family: 6, flag: "linux" }],
    // VLC's has a byte too many.
    ["03 00 0000 12345678 00", { kind: "request", nonce: 0x1234_5678, family: 4, flag: "rfc" }],
    // Reserved bits have no meaning.
    ["03 7c ffff 12345678", { kind: "request", nonce: 0x1234_5678, family: 4, flag: "rfc" }],
    ["03 02 0000 12345678", { kind: "request", nonce: 0x1234_5678, family: 4, flag: "rfc", ecn: true }],
  ])("%s", (hex, message) => {
    expect(decodeAmt(fromHex(hex))).toEqual(message);
  });

  test("a gateway's IPv4 address stands as an IPv6 one (section 5.1.4.9)", () => {
    const teardown = encoded("teardown");
    expect(teardown).toHaveLength(30);
    expect(toHex(teardown.subarray(12))).toBe("1267" + "00".repeat(12) + "cb007109");
  });

  test("VLC takes an IPv4 query of 48 bytes alone", () => {
    expect(encoded("membership-query")).toHaveLength(48);
  });

  test.each(AMT_MESSAGES.map((message) => [message.kind, encodeAmt(message)] as const))(
    "%s that is cut short is refused",
    (_kind, bytes) => {
      for (let length = 0; length < bytes.length; length++) {
        // An Advertisement of an IPv6 relay has one of an IPv4 relay in it.
        if (bytes[0] === 2 && length === 12) continue;
        expect(() => decodeAmt(bytes.subarray(0, length)), `${length} bytes`).toThrow(DecodeError);
      }
    },
  );

  test.each([
    ["another version", corrupted(encoded("request"), { 0: 0x13 })],
    ["type 0", corrupted(encoded("request"), { 0: 0 })],
    ["type 8", corrupted(encoded("request"), { 0: 8 })],
    ["a packet of IP version 5", corrupted(encoded("multicast-data"), { 2: 0x50 })],
    ["a packet shorter than it says", corrupted(encoded("membership-update"), { 15: 0xff })],
    ["bytes behind a Teardown", new Uint8Array([...encoded("teardown"), 0])],
    ["bytes behind a packet", new Uint8Array([...encoded("multicast-data"), 0])],
    ["G without room for the gateway", corrupted(encoded("membership-query"), { 1: 1 })],
    ["an Advertisement of seven bytes of address", fromHex("02000000 12345678 01020304050607")],
  ])("%s is refused", (_what, bytes) => {
    expect(() => decodeAmt(bytes)).toThrow(DecodeError);
  });
});

const UDP_HEADER = {
  trafficClass: 0,
  identification: 0,
  dontFragment: true,
  moreFragments: false,
  fragmentOffset: 0,
  ttl: 64,
  protocol: 17,
  options: [],
};

describe.skipIf(!hasTshark)("Wireshark agrees (skipped where tshark is not installed)", () => {
  const NAMES = [
    "type",
    "request.p",
    "membership_query.l",
    "membership_query.g",
    "response_mac",
    "request_nonce",
  ];

  test("on AMT messages", () => {
    const source = "192.0.2.1";
    const destination = "198.51.100.1";
    const packets = AMT_MESSAGES.map((message) => {
      const datagram = { sourcePort: AMT_PORT, destinationPort: AMT_PORT, payload: encodeAmt(message) };
      return encodeIpv4({ ...UDP_HEADER, source, destination }, encodeUdp(datagram, source, destination));
    });
    const dissected = dissect(packets, LinkType.RAW_IP, [
      "_ws.malformed",
      ...NAMES.map((name) => `amt.${name}`),
    ]);
    dissected.forEach((fields, index) => {
      const message = AMT_MESSAGES[index]!;
      expect(fields["_ws.malformed"], message.kind).toBeUndefined();
      if (message.kind === "request" && message.flag === "rfc")
        expect(fields["amt.request.p"]).toEqual([message.family === 6 ? "1" : "0"]);
      if (message.kind === "membership-query") {
        expect(fields["amt.membership_query.l"]).toEqual([message.full ? "1" : "0"]);
        expect(fields["amt.membership_query.g"]).toEqual([message.gateway ? "1" : "0"]);
      }
    });
  });
});
