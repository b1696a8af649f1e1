// Local delivery of the tunnel's packets to sockets that joined on a LAN interface (loop-sockets.ts).
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { close, sendmsg, sendto } from "#edge/linux/libc.ts";
import { openLan } from "#edge/linux/lan.ts";
import { listInterfaces } from "#edge/linux/interfaces.ts";
import { NetlinkSocket } from "#edge/linux/netlink.ts";
import { allocateMemory } from "#edge/linux/memory.ts";
import { socketAddress } from "#edge/linux/sockaddr.ts";
import { checked } from "#edge/linux/system-error.ts";
import type { Lan } from "#ports/lan.ts";
import { indexOf, inside, ip, makeNamespaces } from "./edge-namespaces.ts";
import type { Namespaces } from "./edge-namespaces.ts";
import { drain, listener, payloads, sniffer, udpPacket } from "./edge-sockets.ts";

let net: Namespaces;
let lan: Lan;
let index: number;
let wire: number;
const open: number[] = [];

beforeAll(() => {
  net = makeNamespaces("loop");
  ip(
    "netns",
    "exec",
    net.near,
    "sysctl",
    "-qw",
    "net.ipv4.conf.all.rp_filter=1",
    "net.ipv4.conf.lan0.rp_filter=1",
  );
  index = indexOf(net.near, "lan0");
  lan = inside(net.near, () => {
    const netlink = new NetlinkSocket();
    const link = listInterfaces(netlink).find((one) => one.name === "lan0")!;
    netlink.close();
    return openLan(link, "full");
  });
  wire = inside(net.far, () => sniffer(indexOf(net.far, "wire0")));
});
afterAll(() => {
  lan?.close();
  close(wire);
  net?.remove();
});
afterEach(() => {
  for (const fd of open.splice(0)) close(fd);
});

const on = (group: string, source?: string): number => {
  const fd = inside(net.near, () =>
    listener(group, { interfaceIndex: index, ...(source === undefined ? {} : { source }) }),
  );
  open.push(fd);
  drain(wire, 100); // the report
  drain(lan.fd, 100);
  return fd;
};

/** sendmsg with IP_PKTINFO naming the packet's own source, as Lan.loop4 asks for. */
function loop4(packet: Buffer): void {
  const memory = allocateMemory(4096);
  const bytes = Buffer.from(memory.buffer);
  const at = { name: 64, iovec: 128, control: 160, packet: 256 };
  bytes.set(socketAddress([...packet.subarray(16, 20)].join("."), 0), at.name);
  bytes.set(packet, at.packet);
  bytes.writeBigUInt64LE(memory.address + BigInt(at.packet), at.iovec);
  bytes.writeBigUInt64LE(BigInt(packet.length), at.iovec + 8);
  bytes.writeBigUInt64LE(28n, at.control); // cmsg_len; level IPPROTO_IP, type IP_PKTINFO; ifindex, spec_dst, addr
  bytes.writeInt32LE(0, at.control + 8);
  bytes.writeInt32LE(8, at.control + 12);
  bytes.set(packet.subarray(12, 16), at.control + 20);
  bytes.writeBigUInt64LE(memory.address + BigInt(at.name), 0);
  bytes.writeUInt32LE(16, 8);
  bytes.writeBigUInt64LE(memory.address + BigInt(at.iovec), 16);
  bytes.writeBigUInt64LE(1n, 24);
  bytes.writeBigUInt64LE(memory.address + BigInt(at.control), 32);
  bytes.writeBigUInt64LE(32n, 40);
  try {
    expect(checked("sendmsg", sendmsg(lan.loop4, memory.address, 0))).toBe(packet.length);
  } finally {
    memory.free();
  }
}

function loop6(packet: Buffer): void {
  const to = socketAddress("::", 0);
  to.set(packet.subarray(24, 40), 8);
  expect(checked("sendto", sendto(lan.loop6, packet, packet.length, 0, to, to.length))).toBe(packet.length);
}

const deliver = (packet: Buffer): void => (packet[0] === 0x45 ? loop4(packet) : loop6(packet));

describe.each([
  ["IPv4 any-source", "239.1.2.3", undefined, "198.51.100.9"],
  ["IPv4 source-specific", "232.1.2.3", "198.51.100.9", "198.51.100.9"],
  ["IPv6 any-source", "ff1e::1234", undefined, "2001:db8:9::9"],
  ["IPv6 source-specific", "ff3e::1234", "2001:db8:9::9", "2001:db8:9::9"],
])("%s", (_name, group, wanted, source) => {
  test("a local member on the interface gets it once; the wire and our capture see nothing", () => {
    const member = on(group, wanted);
    deliver(udpPacket(source, group, Buffer.from("hello"), { ttl: 0 }));
    expect(drain(member).map(String)).toEqual(["hello"]);
    expect(payloads(drain(wire, 150))).toEqual([]);
    expect(payloads(drain(lan.fd, 50), 10)).toEqual([]);
  });

  test("1,400 bytes pass whole, and two members get one copy each", () => {
    const members = [on(group, wanted), on(group, wanted)];
    const payload = Buffer.alloc(1400, 7);
    deliver(udpPacket(source, group, payload, { ttl: 0 }));
    for (const member of members) expect(drain(member)).toEqual([payload]);
    expect(payloads(drain(wire, 150))).toEqual([]);
  });
});

/** The packet cut in two behind `at` bytes of its payload, a multiple of 8. IPv6 gets a fragment header (RFC 8200 4.5). */
function cutInTwo(packet: Buffer, at: number): Buffer[] {
  const v4 = packet[0] === 0x45;
  const headers = v4 ? 20 : 40;
  return [false, true].map((last) => {
    const header = Buffer.from(packet.subarray(0, headers));
    const data = last ? packet.subarray(headers + at) : packet.subarray(headers, headers + at);
    if (v4) {
      header.writeUInt16BE(headers + data.length, 2);
      header.writeUInt16BE(0x1234, 4);
      header.writeUInt16BE(last ? at / 8 : 0x2000, 6);
      return Buffer.concat([header, data]); // the kernel fills in the checksum
    }
    const extension = Buffer.from([17, 0, 0, 0, 0, 0, 0x12, 0x34]);
    extension.writeUInt16BE(last ? at : 1, 2);
    header[6] = 44;
    header.writeUInt16BE(8 + data.length, 4);
    return Buffer.concat([header, extension, data]);
  });
}

test.each([
  ["239.1.2.3", "198.51.100.9"],
  ["ff1e::1234", "2001:db8:9::9"],
])("%s: what is longer than the MTU goes as fragments and arrives whole", (group, source) => {
  const member = on(group);
  const payload = Buffer.alloc(2400, 3);
  for (const part of cutInTwo(udpPacket(source, group, payload, { ttl: 0 }), 1200)) deliver(part);
  expect(drain(member)).toEqual([payload]);
  expect(drain(wire, 150).filter((frame) => frame.includes(Buffer.alloc(64, 3)))).toEqual([]);
});

test.each([
  ["239.1.2.4", "198.51.100.9"],
  ["ff1e::1235", "2001:db8:9::9"],
])(
  "%s: without a member on the interface the kernel has nobody to loop to, and sends it",
  (group, source) => {
    deliver(udpPacket(source, group, Buffer.from("hello"), { ttl: 0 }));
    expect(payloads(drain(wire)).map(String)).toEqual(["hello"]);
  },
);

test("IPv4: without IP_PKTINFO a source-specific member is missed and the packet goes out", () => {
  const member = on("232.1.2.3", "198.51.100.9");
  const packet = udpPacket("198.51.100.9", "232.1.2.3", Buffer.from("hello"), { ttl: 0 });
  const to = socketAddress("232.1.2.3", 0);
  expect(sendto(lan.loop4, packet, packet.length, 0, to, to.length)).toBe(packet.length);
  expect(drain(member, 150)).toEqual([]);
  expect(payloads(drain(wire, 150)).map(String)).toEqual(["hello"]);
});

test("the same foreign source from the wire is dropped: reverse path filtering is on, and the loop passes it", () => {
  const member = on("239.1.2.3");
  const frame = Buffer.concat([
    Buffer.from("01005e010203", "hex"),
    Buffer.from("020000000001", "hex"),
    Buffer.from("0800", "hex"),
    udpPacket("198.51.100.9", "239.1.2.3", Buffer.from("hello")),
  ]);
  checked("send", sendto(wire, frame, frame.length, 0, null, 0));
  expect(drain(member, 150)).toEqual([]);
  deliver(udpPacket("198.51.100.9", "239.1.2.3", Buffer.from("hello"), { ttl: 0 }));
  expect(drain(member)).toHaveLength(1);
});
