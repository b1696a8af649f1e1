import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { internetChecksum } from "#wire/checksum.ts";
import { ChecksumError, DecodeError, EncodeError } from "#wire/cursor.ts";
import { decodeIpv4, encodeIpv4, hasRouterAlert4, type Ipv4Packet } from "#wire/ipv4.ts";
import { hasRouterAlertMld, type Ipv6Extension } from "#wire/ipv6-extension.ts";
import { decodeIpv6, encodeIpv6, type Ipv6Packet } from "#wire/ipv6.ts";
import { anyIpv4Header, anyIpv6Header, anyPayload } from "./arbitraries.ts";
import { corrupted, expectRoundTrip, fromHex } from "./round-trip.ts";

const encode4 = ({ header, payload }: Ipv4Packet) => encodeIpv4(header, payload);
const encode6 = ({ header, payload }: Ipv6Packet) => encodeIpv6(header, payload);

function sumHeader(bytes: Uint8Array, length: number): void {
  bytes.set([0, 0], 10);
  const checksum = internetChecksum(bytes.subarray(0, length));
  bytes.set([checksum >> 8, checksum & 0xff], 10);
}

describe("IPv4", () => {
  // A router alert between no-operations, and two bytes of link-layer padding behind the packet.
  const bytes = fromHex(`
    47c0 0021 1234 4000 0111 643e 0a000001 ef010203
    01940400 00010000 cafebabe 99 0000`);
  const packet: Ipv4Packet = {
    header: {
      trafficClass: 0xc0,
      identification: 0x1234,
      dontFragment: true,
      moreFragments: false,
      fragmentOffset: 0,
      ttl: 1,
      protocol: 17,
      source: "10.0.0.1",
      destination: "239.1.2.3",
      options: [{ type: 0x94, data: Uint8Array.of(0, 0) }],
    },
    payload: fromHex("cafebabe99"),
  };

  test("a header with options and padding", () => {
    expect(decodeIpv4(bytes)).toEqual(packet);
    expect(hasRouterAlert4(decodeIpv4(bytes).header)).toBe(true);
  });

  // All but the first come with the header checksum made right again, so that it is not what refuses them.
  test.each([
    ["a changed byte", { 8: 2 }, ChecksumError, "IPv4 header checksum"],
    ["version 6", { 0: 0x67 }, DecodeError, "IPv4 version"],
    ["a header shorter than 20 bytes", { 0: 0x44 }, DecodeError, "IPv4 header length"],
    ["a header longer than the input", { 0: 0x4f }, DecodeError, "IPv4 header length"],
    ["a total length below the header's", { 3: 0x1b }, DecodeError, "IPv4 total length"],
    ["a total length over the input", { 3: 0x24 }, DecodeError, "IPv4 total length"],
    ["a fragment that ends past 65,535", { 6: 0x1f, 7: 0xff }, DecodeError, "IPv4 fragment end"],
    ["an inner fragment of 5 bytes", { 6: 0x20 }, DecodeError, "IPv4 fragment length"],
    ["an option of length 0", { 22: 0 }, DecodeError, "IPv4 option length"],
    ["an option past the header", { 22: 9 }, DecodeError, "IPv4 option"],
  ])("refuses %s", (_name, changes, type, field) => {
    const bad = corrupted(bytes, changes as Record<number, number>);
    if (type === DecodeError) sumHeader(bad, 28);
    expect(() => decodeIpv4(bad)).toThrow(type);
    expect(() => decodeIpv4(bad)).toThrow(expect.objectContaining({ field }));
  });

  test("every shorter input is refused", () => {
    for (let length = 0; length < 33; length++)
      expect(() => decodeIpv4(bytes.subarray(0, length))).toThrow(DecodeError);
  });

  test("a router alert of another value is none", () => {
    const options = [{ type: 0x94, data: Uint8Array.of(0, 1) }];
    expect(hasRouterAlert4({ ...packet.header, options })).toBe(false);
  });

  test("headers, options and last fragments round-trip", () => {
    fc.assert(
      fc.property(anyIpv4Header, anyPayload, (header, payload) =>
        expectRoundTrip({ header, payload }, encode4, decodeIpv4),
      ),
    );
  });

  test("an inner fragment round-trips", () => {
    const header = { ...packet.header, moreFragments: true, dontFragment: false, fragmentOffset: 1480 };
    expectRoundTrip({ header, payload: new Uint8Array(1480) }, encode4, decodeIpv4);
  });

  test.each([
    ["an odd fragment offset", { fragmentOffset: 12 }],
    ["an inner fragment of 5 bytes", { moreFragments: true }],
    ["a fragment past 65,535", { fragmentOffset: 65_528 }],
    [
      "too many options",
      { options: Array.from({ length: 9 }, () => ({ type: 7, data: new Uint8Array(4) })) },
    ],
    ["a no-operation among the options", { options: [{ type: 1, data: new Uint8Array() }] }],
    ["an IPv6 source", { source: "::1" }],
  ])("does not encode %s", (_name, change) => {
    expect(() => encodeIpv4({ ...packet.header, ...change }, packet.payload)).toThrow(EncodeError);
  });
});

function destinationOptions(count: number): Ipv6Extension[] {
  return Array.from({ length: count }, () => ({ kind: "destination", options: [] }));
}

describe("IPv6", () => {
  // Hop-by-hop with the router alert, destination options with Pad1, routing, and the fragment header.
  const bytes = fromHex(`
    6c0abcde 0024 00 01 fe800000000000000000000000000001 ff020000000000000000000000000016
    3c 00 0502 0000 0100
    2b 00 1e03 aabbcc 00
    2c 00 fd01 01020304
    3a 00 0000 deadbeef
    8f000000 99`);
  const packet: Ipv6Packet = {
    header: {
      trafficClass: 0xc0,
      flowLabel: 0xabcde,
      hopLimit: 1,
      source: "fe80::1",
      destination: "ff02::16",
      extensions: [
        { kind: "hop-by-hop", options: [{ type: 5, data: Uint8Array.of(0, 0) }] },
        { kind: "destination", options: [{ type: 0x1e, data: Uint8Array.of(0xaa, 0xbb, 0xcc) }] },
        { kind: "routing", routingType: 0xfd, segmentsLeft: 1, data: Uint8Array.of(1, 2, 3, 4) },
        { kind: "fragment", offset: 0, more: false, identification: 0xdeadbeef },
      ],
      protocol: 58,
    },
    payload: fromHex("8f000000"),
  };

  test("a chain of extension headers", () => {
    expect(decodeIpv6(bytes)).toEqual(packet);
    expect(hasRouterAlertMld(packet.header.extensions)).toBe(true);
    expectRoundTrip(packet, encode6, decodeIpv6);
  });

  test.each([
    ["version 4", { 0: 0x4c }, "IPv6 version"],
    ["a payload length over the input", { 5: 0x26 }, "IPv6 payload length"],
    ["an extension past the payload", { 41: 4 }, "IPv6 extension length"],
    ["an option past its header", { 43: 5 }, "IPv6 option"],
    ["a second hop-by-hop header", { 40: 0 }, "IPv6 hop-by-hop header, at place"],
    ["an inner fragment of 4 bytes", { 67: 1 }, "IPv6 fragment length"],
  ])("refuses %s", (_name, changes, field) => {
    const bad = corrupted(bytes, changes as Record<number, number>);
    expect(() => decodeIpv6(bad)).toThrow(DecodeError);
    expect(() => decodeIpv6(bad)).toThrow(expect.objectContaining({ field }));
  });

  test("every shorter input is refused", () => {
    for (let length = 0; length < bytes.length - 1; length++)
      expect(() => decodeIpv6(bytes.subarray(0, length))).toThrow(DecodeError);
  });

  test("a fragment that ends past 65,535 is refused", () => {
    const fragment: Ipv6Extension = { kind: "fragment", offset: 0, more: false, identification: 1 };
    const whole = encodeIpv6({ ...packet.header, extensions: [fragment] }, new Uint8Array(16));
    const bad = corrupted(whole, { 42: 0xff, 43: 0xf8 });
    expect(() => decodeIpv6(bad)).toThrow(expect.objectContaining({ field: "IPv6 fragment end" }));
  });

  test("the walk over extension headers is bounded", () => {
    const eight = destinationOptions(8);
    const full = encodeIpv6({ ...packet.header, extensions: eight }, new Uint8Array());
    expect(decodeIpv6(full).header.extensions).toHaveLength(8);
    const nine = Uint8Array.of(...full, 58, 0, 1, 4, 0, 0, 0, 0);
    nine[5]! += 8;
    nine[40 + 7 * 8] = 60;
    expect(() => decodeIpv6(nine)).toThrow(expect.objectContaining({ field: "IPv6 extension headers" }));
  });

  test("the walk ends at a later fragment, whose payload is data even where it looks like a header", () => {
    const fragment: Ipv6Extension = { kind: "fragment", offset: 1232, more: true, identification: 7 };
    const header = { ...packet.header, extensions: [fragment], protocol: 60 };
    expectRoundTrip({ header, payload: new Uint8Array(16).fill(0xee) }, encode6, decodeIpv6);
  });

  test("headers and extensions round-trip", () => {
    fc.assert(
      fc.property(anyIpv6Header, anyPayload, (header, payload) =>
        expectRoundTrip({ header, payload }, encode6, decodeIpv6),
      ),
    );
  });

  test.each([
    ["hop-by-hop behind another", { extensions: packet.header.extensions.toReversed() }],
    ["more than eight extensions", { extensions: destinationOptions(9) }],
    ["an extension as the protocol", { protocol: 43 }],
    ["a flow label of 21 bits", { flowLabel: 2 ** 20 }],
    [
      "padding among the options",
      { extensions: [{ kind: "destination", options: [{ type: 1, data: new Uint8Array() }] }] },
    ],
    [
      "an odd fragment offset",
      { extensions: [{ kind: "fragment", offset: 4, more: false, identification: 0 }] },
    ],
    [
      "an inner fragment of 4 bytes",
      { extensions: [{ kind: "fragment", offset: 0, more: true, identification: 0 }] },
    ],
    [
      "routing data of 5 bytes",
      { extensions: [{ kind: "routing", routingType: 0, segmentsLeft: 0, data: new Uint8Array(5) }] },
    ],
    ["an IPv4 destination", { destination: "239.1.2.3" }],
  ] as [string, Partial<Ipv6Packet["header"]>][])("does not encode %s", (_name, change) => {
    expect(() => encodeIpv6({ ...packet.header, ...change }, packet.payload)).toThrow(EncodeError);
  });
});
