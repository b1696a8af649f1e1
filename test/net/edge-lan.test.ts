// What the LAN capture takes and leaves, decided by the kernel running our BPF program.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { addressBytes } from "#wire/address.ts";
import { listInterfaces } from "#edge/linux/interfaces.ts";
import { openLan } from "#edge/linux/lan.ts";
import { close, sendto } from "#edge/linux/libc.ts";
import { NetlinkSocket } from "#edge/linux/netlink.ts";
import { checked } from "#edge/linux/system-error.ts";
import type { Lan } from "#ports/lan.ts";
import { indexOf, inside, ip, makeNamespaces } from "./edge-namespaces.ts";
import type { Namespaces } from "./edge-namespaces.ts";
import { drain, listener, payloads, sendDatagram, sniffer, udpPacket } from "./edge-sockets.ts";

let net: Namespaces;
let lan: Lan;
let wire: number;
const open: number[] = [];

beforeAll(() => {
  net = makeNamespaces("lan");
  wire = inside(net.far, () => sniffer(indexOf(net.far, "wire0")));
});
afterAll(() => {
  close(wire);
  net?.remove();
});
function start(mode: "full" | "local"): void {
  lan = inside(net.near, () => {
    const netlink = new NetlinkSocket();
    const link = listInterfaces(netlink).find((one) => one.name === "lan0")!;
    netlink.close();
    return openLan(link, mode);
  });
  drain(lan.fd, 50);
}
beforeEach(() => start("full"));
afterEach(() => {
  lan.close();
  for (const fd of open.splice(0)) close(fd);
});

const GROUP_MAC = "01005e010203";
const OTHER_MAC = "020000000042";

/** A frame onto the wire at the far end, as another computer would send it. */
function fromFar(destination: string, type: string, body: Buffer): void {
  const frame = Buffer.concat([Buffer.from(`${destination}020000000001${type}`, "hex"), body]);
  checked("send", sendto(wire, frame, frame.length, 0, null, 0));
}

const V4 = (group: string): Buffer => udpPacket("10.77.0.2", group, Buffer.from("x"));
const V6 = (group: string): Buffer => udpPacket("fd77::2", group, Buffer.from("x"));

/** IPv6 with a hop-by-hop header of `length` bytes and an ICMPv6 message of `type` behind it. */
function icmpBehindOptions(group: string, type: number, length = 8): Buffer {
  const options = Buffer.alloc(length);
  options[0] = 58;
  options[1] = length / 8 - 1;
  options.set([5, 2, 0, 0, 1, length - 8], 2); // router alert, PadN
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(length + 24, 4);
  header[7] = 1;
  header.set(addressBytes("fe80::2"), 8);
  header.set(addressBytes(group), 24);
  return Buffer.concat([header, options, Buffer.of(type), Buffer.alloc(23)]);
}

/** Frames without their Ethernet headers. The kernel's own chatter on the interface stands between ours. */
const bodies = (frames: readonly Buffer[], skip: number): Buffer[] =>
  frames.map((frame) => frame.subarray(skip + 14));

function withProtocol(packet: Buffer, protocol: number): Buffer {
  packet[packet[0] === 0x45 ? 9 : 6] = protocol;
  return packet;
}

function fragment(packet: Buffer): Buffer {
  packet.writeUInt16BE(100, 6); // offset 800, the last one
  return packet;
}

describe("from the wire, full mode", () => {
  test.each<[string, string, string, Buffer]>([
    ["UDP to a routable group", GROUP_MAC, "0800", V4("239.1.2.3")],
    ["the same as a unicast frame to us, as access points send it", "mine", "0800", V4("239.1.2.3")],
    ["another protocol", GROUP_MAC, "0800", withProtocol(V4("239.1.2.3"), 132)],
    ["a fragment", GROUP_MAC, "0800", fragment(V4("239.1.2.3"))],
    ["224.0.1.1, behind the link-local block", GROUP_MAC, "0800", V4("224.0.1.1")],
    ["IGMP to 224.0.0.22", GROUP_MAC, "0800", withProtocol(V4("224.0.0.22"), 2)],
    ["IPv6 to a global group", "333300001234", "86dd", V6("ff1e::1234")],
    ["IPv6 to a site group", "333300001234", "86dd", V6("ff05::1234")],
    ["an IPv6 fragment", "333300001234", "86dd", withProtocol(V6("ff1e::1234"), 44)],
    ["an MLD query", "333300000001", "86dd", icmpBehindOptions("ff02::1", 130)],
    ["an MLDv1 done", "333300000002", "86dd", icmpBehindOptions("ff02::2", 132)],
    [
      "an MLDv2 report behind a longer header",
      "333300000016",
      "86dd",
      icmpBehindOptions("ff02::16", 143, 24),
    ],
    ["our beacon", "ffffffffffff", "88b5", Buffer.alloc(46)],
  ])("takes %s", (_what, destination, type, body) => {
    fromFar(destination === "mine" ? Buffer.from(lan.mac).toString("hex") : destination, type, body);
    expect(bodies(drain(lan.fd), 10).filter((one) => one.equals(body))).toHaveLength(1);
  });

  test.each<[string, string, string, Buffer]>([
    ["mDNS", "01005e0000fb", "0800", V4("224.0.0.251")],
    ["mDNS over IPv6", "3333000000fb", "86dd", V6("ff02::fb")],
    ["a transient link-local group", "333300001234", "86dd", V6("ff12::1234")],
    ["a node-local group", "333300001234", "86dd", V6("ff01::1234")],
    ["neighbour discovery", "3333ff000001", "86dd", withProtocol(V6("ff02::1:ff00:1"), 58)],
    ["another ICMPv6 message behind options", "333300000001", "86dd", icmpBehindOptions("ff02::1", 135)],
    ["ICMPv6 just above MLD", "333300000001", "86dd", icmpBehindOptions("ff02::1", 133)],
    ["unicast", "mine", "0800", V4("10.77.0.1")],
    ["broadcast", "ffffffffffff", "0800", V4("10.77.0.255")],
    ["class E", "ffffffffffff", "0800", V4("255.255.255.255")],
    ["a frame for another host", OTHER_MAC, "0800", V4("239.1.2.3")],
    ["a tagged VLAN", GROUP_MAC, "810000070800", V4("239.1.2.3")],
    ["ARP", "ffffffffffff", "0806", Buffer.alloc(46)],
    ["a cut-off header", "333300000001", "86dd", icmpBehindOptions("ff02::1", 143).subarray(0, 30)],
  ])("leaves %s", (_what, destination, type, body) => {
    const all = inside(net.near, () => sniffer(lan.interfaceIndex));
    open.push(all);
    fromFar(destination === "mine" ? Buffer.from(lan.mac).toString("hex") : destination, type, body);
    expect(bodies(drain(all), 0).filter((one) => one.equals(body))).toHaveLength(1); // it did arrive
    expect(bodies(drain(lan.fd, 50), 10).filter((one) => one.equals(body))).toEqual([]);
  });

  test("the interface takes groups that nobody joined", () => {
    expect(ip("-n", net.near, "-d", "link", "show", "lan0")).toMatch(/allmulti 1/);
    lan.close();
    expect(ip("-n", net.near, "-d", "link", "show", "lan0")).toMatch(/allmulti 0/);
    start("full");
  });
});

describe("what this computer's programs send", () => {
  test.each(["full", "local"] as const)("is taken in %s mode, IPv4 and IPv6", (mode) => {
    lan.close();
    start(mode);
    for (const group of ["239.1.2.3", "ff1e::1234"])
      inside(net.near, () => sendDatagram(group, "mine", lan.interfaceIndex));
    expect(payloads(drain(lan.fd), 10).map(String)).toEqual(["mine", "mine"]);
  });

  test("local mode leaves what comes from the wire, and asks the interface for nothing", () => {
    lan.close();
    start("local");
    expect(ip("-n", net.near, "-d", "link", "show", "lan0")).toMatch(/allmulti 0/);
    open.push(inside(net.near, () => listener("239.1.2.3", { interfaceIndex: lan.interfaceIndex })));
    drain(lan.fd, 100);
    fromFar(GROUP_MAC, "0800", V4("239.1.2.3"));
    expect(payloads(drain(lan.fd, 100), 10)).toEqual([]);
  });

  test("a frame that we put on the wire goes out, with its virtio header, and is not heard by us", () => {
    const second = lan;
    start("full"); // another capture of ours on the same interface
    const packet = udpPacket("198.51.100.9", "239.1.2.3", Buffer.from("ours"));
    const frame = Buffer.concat([
      Buffer.alloc(10),
      Buffer.from(GROUP_MAC, "hex"),
      second.mac,
      Buffer.from("0800", "hex"),
      packet,
    ]);
    drain(wire, 100);
    checked("send", sendto(second.fd, frame, frame.length, 0, null, 0));
    expect(payloads(drain(wire)).map(String)).toEqual(["ours"]);
    expect(payloads(drain(lan.fd, 80), 10)).toEqual([]);
    expect(payloads(drain(second.fd, 80), 10)).toEqual([]);
    second.close();
  });
});

test("an interface without Ethernet frames is refused", () => {
  expect(() => openLan({ index: 1, name: "lo", mac: undefined, mtu: 65_536 }, "full")).toThrow(
    /lo is no Ethernet/,
  );
});
