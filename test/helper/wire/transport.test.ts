import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ChecksumError, DecodeError, EncodeError } from "#wire/cursor.ts";
import { decodeEthernet, encodeEthernet, multicastMac, type EthernetFrame } from "#wire/ethernet.ts";
import { decodeIcmpv6, encodeIcmpv6, type Icmpv6Message } from "#wire/icmpv6.ts";
import { decodeUdp, encodeUdp, type UdpDatagram } from "#wire/udp.ts";
import { anyAddress, anyPayload } from "./arbitraries.ts";
import { corrupted, expectRoundTrip, fromHex, toHex } from "./round-trip.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const port = fc.integer({ min: 0, max: 0xffff });

describe("UDP", () => {
  const bytes = fromHex("1388 04d2 000b e876 010203");
  const datagram = { sourcePort: 5000, destinationPort: 1234, payload: Uint8Array.of(1, 2, 3) };
  const [source, destination] = ["10.0.0.1", "239.1.2.3"];

  test("a datagram with its checksum", () => {
    expect(decodeUdp(bytes, source, destination)).toEqual(datagram);
    expect(toHex(encodeUdp(datagram, source, destination))).toBe(toHex(bytes));
  });

  test("no checksum is right over IPv4 and wrong over IPv6", () => {
    const none = corrupted(bytes, { 6: 0, 7: 0 });
    expect(decodeUdp(none, source, destination)).toEqual(datagram);
    expect(() => decodeUdp(none, "fe80::1", "ff02::1")).toThrow(ChecksumError);
  });

  test.each([
    ["a changed port", { 1: 0 }, ChecksumError],
    ["a length below 8", { 5: 7 }, DecodeError],
    ["a length over the input", { 5: 12 }, DecodeError],
  ])("refuses %s", (_name, changes, type) => {
    expect(() => decodeUdp(corrupted(bytes, changes as Record<number, number>), source, destination)).toThrow(
      type,
    );
  });

  test("a checksum that comes out as zero is sent as ones", () => {
    // The payload is chosen so that the sum is 0xffff, whose complement would say "no checksum".
    const probe = encodeUdp({ ...datagram, payload: Uint8Array.of(0, 0) }, source, destination);
    const fitting = encodeUdp({ ...datagram, payload: probe.slice(6, 8) }, source, destination);
    expect(toHex(fitting.subarray(6, 8))).toBe("ffff");
    expect(decodeUdp(fitting, source, destination).payload).toEqual(probe.slice(6, 8));
  });

  test("datagrams of both families round-trip, padding behind them is left out", () => {
    const addresses = fc.oneof(
      fc.tuple(anyAddress(4), anyAddress(4)),
      fc.tuple(anyAddress(6), anyAddress(6)),
    );
    fc.assert(
      fc.property(addresses, port, port, anyPayload, ([from, to], sourcePort, destinationPort, payload) => {
        const value: UdpDatagram = { sourcePort, destinationPort, payload };
        expectRoundTrip(
          value,
          (d) => encodeUdp(d, from, to),
          (b) => decodeUdp(b, from, to),
        );
        const padded = Uint8Array.of(...encodeUdp(value, from, to), 1, 2, 3);
        expect(decodeUdp(padded, from, to)).toEqual(value);
      }),
    );
  });

  test("does not encode more than 65,535 bytes", () => {
    expect(() => encodeUdp({ ...datagram, payload: new Uint8Array(65_528) }, source, destination)).toThrow(
      EncodeError,
    );
  });
});

describe("ICMPv6", () => {
  test("round-trips, and knows when an address is another", () => {
    fc.assert(
      fc.property(anyAddress(6), anyAddress(6), u8, u8, anyPayload, (from, to, type, code, body) => {
        const message: Icmpv6Message = { type, code, body };
        expectRoundTrip(
          message,
          (m) => encodeIcmpv6(m, from, to),
          (b) => decodeIcmpv6(b, from, to),
        );
        const elsewhere = encodeIcmpv6(message, from, "ff02::98");
        expect(() => decodeIcmpv6(elsewhere, from, "ff02::99")).toThrow(ChecksumError);
      }),
    );
  });

  test("refuses what is shorter than its header", () => {
    expect(() => decodeIcmpv6(fromHex("8f00 00"), "fe80::1", "ff02::1")).toThrow(DecodeError);
  });
});

describe("Ethernet", () => {
  test.each([
    ["224.0.0.22", "01005e000016"],
    ["239.129.2.3", "01005e010203"], // RFC 1112 section 6.4: the low 23 bits, so that 128 is lost
    ["ff02::16", "333300000016"],
    ["ff1e::1234:5678", "333312345678"],
  ])("%s is at %s", (group, mac) => {
    expect(toHex(multicastMac(group))).toBe(mac);
  });

  test("a unicast address has no multicast MAC", () => {
    expect(() => multicastMac("10.0.0.1")).toThrow(EncodeError);
  });

  const frame: EthernetFrame = {
    destination: fromHex("01005e010203"),
    source: fromHex("020000000001"),
    vlan: undefined,
    etherType: 0x0800,
    payload: fromHex("4500"),
  };

  test("a plain and a tagged frame", () => {
    expect(decodeEthernet(fromHex("01005e010203 020000000001 0800 4500"))).toEqual(frame);
    const vlan = { id: 0x123, priority: 5, dropEligible: true };
    expect(decodeEthernet(fromHex("01005e010203 020000000001 8100 b123 0800 4500"))).toEqual({
      ...frame,
      vlan,
    });
    expectRoundTrip(frame, encodeEthernet, decodeEthernet);
    expectRoundTrip({ ...frame, vlan }, encodeEthernet, decodeEthernet);
  });

  test.each([
    ["an 802.3 length", "01005e010203 020000000001 0026 4242"],
    ["a tag that is cut off", "01005e010203 020000000001 8100 b1"],
    ["a header that is cut off", "01005e010203 020000000001 08"],
  ])("refuses %s", (_name, hex) => {
    expect(() => decodeEthernet(fromHex(hex))).toThrow(DecodeError);
  });

  test.each([
    ["an address of 5 bytes", { source: new Uint8Array(5) }],
    ["a length as the type", { etherType: 100 }],
    ["a VLAN type without a tag", { etherType: 0x8100 }],
    ["a VLAN id of 13 bits", { vlan: { id: 0x1000, priority: 0, dropEligible: false } }],
  ])("does not encode %s", (_name, change) => {
    expect(() => encodeEthernet({ ...frame, ...change })).toThrow(EncodeError);
  });
});
