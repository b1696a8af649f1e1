import { expect, test } from "vitest";
import { halfOf } from "#protocol/sixtunnel/assignments.ts";
import { fromClient, fromServer, isIpv6 } from "#protocol/sixtunnel/packet-rules.ts";
import { addressBytes } from "#wire/address.ts";
import { sixPacket } from "../wire/fuzz-sixtunnel-targets.ts";

const HALF = halfOf("2001:db8:0:1::");

function packet(source: string, destination: string): Uint8Array {
  const bytes = sixPacket(8);
  bytes.set(addressBytes(source), 8);
  bytes.set(addressBytes(destination), 24);
  return bytes;
}

test.each([
  ["2001:db8:0:1::1", "2001:db8:5::1", "unicast"],
  ["2001:db8:0:1:ffff::1", "2001:db8:0:2::1", "unicast"],
  ["2001:db8:0:2::1", "2001:db8:5::1", "foreign-source"],
  ["2001:db8:5::1", "2001:db8:0:1::1", "foreign-source"],
  ["2001:db8:0:2::1", "ff1e::1", "foreign-source"],
  ["2001:db8:0:2::1", "ff02::16", "foreign-source"],
  ["2001:db8:0:1::1", "2001:db8:0:1::2", "foreign-destination"],
  ["fe80::1", "2001:db8:5::1", "link-local"],
  ["fe80::1", "ff1e::1", "link-local"],
  ["::", "2001:db8:5::1", "link-local"],
  ["2001:db8:0:1::1", "fe80::1", "link-local"],
  ["2001:db8:0:1::1", "ff1e::1", "multicast"],
  ["fe80::1", "ff02::16", "link-multicast"],
  ["::", "ff02::16", "link-multicast"],
  ["2001:db8:0:1::1", "ff32::1", "link-multicast"],
])("a client's packet from %s to %s: %s", (source, destination, passage) => {
  expect(fromClient(packet(source, destination), HALF)).toBe(passage);
});

test.each([
  ["2001:db8:5::1", "2001:db8:0:1::1", "unicast"],
  ["2001:db8:5::1", "2001:db8:0:2::1", "foreign-destination"],
  ["2001:db8:5::1", "ff1e::1", "multicast"],
  ["fe80::1", "ff02::1", "link-multicast"],
  ["fe80::1", "2001:db8:0:1::1", "link-local"],
  ["ff02::1", "2001:db8:0:1::1", "foreign-source"],
])("a server's packet from %s to %s: %s", (source, destination, passage) => {
  expect(fromServer(packet(source, destination), HALF)).toBe(passage);
});

test("a packet is whole, and of IPv6", () => {
  expect(isIpv6(sixPacket(8))).toBe(true);
  expect(isIpv6(sixPacket(8).subarray(0, 47))).toBe(false);
  expect(isIpv6(Uint8Array.of(0x45, ...new Uint8Array(60)))).toBe(false);
  expect(isIpv6(new Uint8Array(0))).toBe(false);
});
