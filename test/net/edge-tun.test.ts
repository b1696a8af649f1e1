// The TUN device against the real kernel: where joins and sends land, and what a write of many datagrams does.
import { spawn } from "node:child_process";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { close, read, write } from "#edge/linux/libc.ts";
import { OWN_MARK } from "#edge/linux/constants.ts";
import { listInterfaces } from "#edge/linux/interfaces.ts";
import { NetlinkSocket } from "#edge/linux/netlink.ts";
import { openTun } from "#edge/linux/tun.ts";
import { checked } from "#edge/linux/system-error.ts";
import { parsePrefix } from "#wire/address.ts";
import type { TunDevice } from "#ports/tun-device.ts";
import { indexOf, inside, ip, makeNamespaces, NEAR4, until } from "./edge-namespaces.ts";
import type { Namespaces } from "./edge-namespaces.ts";
import { drain, listener, sendDatagram, udpPacket } from "./edge-sockets.ts";

const CONFIG = {
  addresses: [
    { address: "10.99.0.2", prefixLength: 24 },
    { address: "fd99::2", prefixLength: 64 },
    { address: "fe80::2", prefixLength: 64 },
  ],
  routes: ["239.0.0.0/8", "ff1e::/16"].map(parsePrefix),
  lans: [],
};

let net: Namespaces;
let tun: TunDevice;
const open: number[] = [];

beforeAll(() => {
  net = makeNamespaces("tun");
  addDefaultRoutes();
});
afterAll(() => net?.remove());
beforeEach(() => {
  tun = inside(net.near, () => openTun());
  tun.configure(CONFIG);
});
afterEach(() => {
  for (const fd of open.splice(0)) close(fd);
  tun.remove();
});

function addDefaultRoutes(): void {
  ip("-n", net.near, "route", "add", "default", "via", "10.77.0.2");
  ip("-n", net.near, "-6", "route", "add", "default", "via", "fd77::2");
}

const join = (group: string, options = {}): number => {
  const fd = inside(net.near, () => listener(group, options));
  open.push(fd);
  return fd;
};

/** Group memberships as the kernel lists them: device of `group`. */
function devicesOf(group: string): string[] {
  const devices: string[] = [];
  let device = "";
  for (const line of ip("-n", net.near, "maddr", "show").split("\n")) {
    device = /^\d+:\s+(\S+)/.exec(line)?.[1] ?? device;
    if (line.trim().split(/\s+/)[1] === group) devices.push(device);
  }
  return devices;
}

describe("where a program lands that names no interface", () => {
  test.each([
    ["239.1.2.3", "castaway0"],
    ["ff1e::1234", "castaway0"],
    ["233.1.2.3", "lan0"],
    ["ff15::1234", "lan0"],
    ["ff3e::1234", "lan0"],
  ])("a join of %s lands on %s", (group, device) => {
    join(group);
    expect(devicesOf(group)).toEqual([device]);
  });

  test("the rest lands on the LAN also when that went down and came up: the TUN is the last choice", () => {
    ip("-n", net.near, "link", "set", "lan0", "down");
    ip("-n", net.near, "link", "set", "lan0", "up");
    ip("-n", net.near, "addr", "replace", "fd77::1/64", "dev", "lan0", "nodad");
    addDefaultRoutes();
    join("ff04::1234");
    expect(devicesOf("ff04::1234")).toEqual(["lan0"]);
    join("ff04::1235", { interfaceIndex: tun.index });
    expect(devicesOf("ff04::1235")).toEqual(["castaway0"]);
    drain(tun.fd, 50);
    inside(net.near, () => sendDatagram("ff04::1235", "by name", tun.index));
    expect(readTun().filter((packet) => packet.includes("by name"))).toHaveLength(1);
  });

  test.each(["239.1.2.3", "ff1e::1234"])("a datagram to %s comes out of the device, whole", (group) => {
    drain(tun.fd, 50);
    inside(net.near, () => sendDatagram(group, "hello"));
    const packets = readTun().filter((packet) => packet.subarray(10).includes("hello"));
    expect(packets).toHaveLength(1);
    // Flags and GSO type of the virtio header: nothing left for us to complete.
    expect([...packets[0]!.subarray(0, 10)]).toEqual(Array(10).fill(0));
    const sent = packets[0]!.subarray(10);
    const source = group.includes(":") ? "fd99::2" : "10.99.0.2";
    const udp = sent.subarray(group.includes(":") ? 40 : 20);
    const expected = udpPacket(source, group, Buffer.from("hello"));
    const expectedUdp = expected.subarray(group.includes(":") ? 40 : 20);
    expectedUdp.writeUInt16BE(udp.readUInt16BE(0), 0);
    // The checksum moves by the difference of the source ports, one's complement.
    const difference = 40_000 - udp.readUInt16BE(0);
    const sum = expectedUdp.readUInt16BE(6) + difference;
    expectedUdp.writeUInt16BE(((sum % 0xffff) + 0xffff) % 0xffff, 6);
    expect(udp.toString("hex")).toBe(expectedUdp.toString("hex"));
  });

  test("what names an interface stays there: joins and sends of the same groups", () => {
    const lan = indexOf(net.near, "lan0");
    for (const group of ["239.1.2.3", "ff1e::1234"]) {
      join(group, { interfaceIndex: lan });
      expect(devicesOf(group)).toEqual(["lan0"]);
      drain(tun.fd, 50);
      const far = inside(net.far, () => listener(group, { interfaceIndex: indexOf(net.far, "wire0") }));
      open.push(far);
      inside(net.near, () => sendDatagram(group, "to the LAN", lan));
      expect(drain(far).map(String)).toEqual(["to the LAN"]);
      expect(readTun().filter((packet) => packet.includes("to the LAN"))).toEqual([]);
    }
  });

  test("LAN multicast of the same groups still arrives at sockets that joined on the LAN", () => {
    for (const group of ["239.1.2.3", "ff1e::1234"]) {
      const near = join(group, { interfaceIndex: indexOf(net.near, "lan0") });
      inside(net.far, () => sendDatagram(group, "from the LAN", indexOf(net.far, "wire0")));
      expect(drain(near).map(String)).toEqual(["from the LAN"]);
    }
  });
});

function readTun(): Buffer[] {
  const packets: Buffer[] = [];
  const buffer = Buffer.alloc(66_000);
  for (;;) {
    const length = read(tun.fd, buffer, buffer.length);
    if (length < 0) return packets;
    packets.push(Buffer.from(buffer.subarray(0, length)));
  }
}

/** A virtio header and one IP packet whose UDP payload is `count` datagrams of `size` bytes. */
function superPacket(source: string, group: string, size: number, count: number): Buffer {
  const payload = Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.alloc(size, i + 1)));
  const packet = udpPacket(source, group, payload);
  const headers = packet[0] === 0x45 ? 20 : 40;
  // With VIRTIO_NET_HDR_F_NEEDS_CSUM the field holds the folded sum of the pseudo header alone.
  const udpLength = packet.length - headers;
  const addresses = packet.subarray(headers === 20 ? 12 : 8, headers);
  let sum = 17 + udpLength;
  for (let i = 0; i < addresses.length; i += 2) sum += addresses.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet.writeUInt16BE(sum, headers + 6);
  const virtio = Buffer.alloc(10);
  virtio[0] = 1; // NEEDS_CSUM
  virtio[1] = 5; // GSO_UDP_L4
  virtio.writeUInt16LE(headers + 8, 2);
  virtio.writeUInt16LE(size, 4);
  virtio.writeUInt16LE(headers, 6);
  virtio.writeUInt16LE(6, 8);
  return Buffer.concat([virtio, packet]);
}

describe("writes", () => {
  test.each([
    ["239.1.2.3", "198.51.100.9"],
    ["ff1e::1234", "2001:db8:9::9"],
  ])(
    "a super-packet to %s arrives as its datagrams at every member, with all offloads off for reading",
    (group, source) => {
      const members = [join(group), join(group), join(group)];
      const packet = superPacket(source, group, 1200, 20);
      expect(checked("write", write(tun.fd, packet, packet.length))).toBe(packet.length);
      for (const member of members) {
        const received = drain(member);
        expect(received.map((datagram) => [datagram.length, datagram[0], datagram[1199]])).toEqual(
          Array.from({ length: 20 }, (_, i) => [1200, i + 1, i + 1]),
        );
      }
    },
  );

  test("a single packet from a foreign source passes strict reverse path filtering for all", () => {
    ip("netns", "exec", net.near, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1");
    try {
      tun.close();
      tun = inside(net.near, () => openTun());
      const member = join("239.1.2.3");
      const packet = Buffer.concat([
        Buffer.alloc(10),
        udpPacket("198.51.100.9", "239.1.2.3", Buffer.from("x")),
      ]);
      checked("write", write(tun.fd, packet, packet.length));
      expect(drain(member).map(String)).toEqual(["x"]);
    } finally {
      ip("netns", "exec", net.near, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0");
    }
  });
});

test("a packet from an address of this computer arrives: a program sent it out of the LAN interface", () => {
  const member = join("239.1.2.3");
  const packet = Buffer.concat([Buffer.alloc(10), udpPacket(NEAR4, "239.1.2.3", Buffer.from("own"))]);
  checked("write", write(tun.fd, packet, packet.length));
  expect(drain(member).map(String)).toEqual(["own"]);
});

describe("the device", () => {
  test("configure makes it exactly so: what is no longer wanted goes", () => {
    tun.configure({
      addresses: [{ address: "10.99.0.3", prefixLength: 24 }],
      routes: [parsePrefix("ff3e::/16")],
      lans: [],
    });
    const link = inside(net.near, () => {
      const netlink = new NetlinkSocket();
      const links = listInterfaces(netlink);
      netlink.close();
      return links.find((one) => one.name === "castaway0")!;
    });
    expect(link).toMatchObject({
      kind: "tun",
      up: true,
      running: true,
      multicast: true,
      mac: undefined,
      mtu: 1280,
    });
    expect(link.addresses.map((own) => own.address)).toEqual(["10.99.0.3"]);
    expect(ip("-n", net.near, "-6", "route", "show", "table", "local")).toContain("ff3e::/16 dev castaway0");
    expect(ip("-n", net.near, "-6", "route", "show", "table", "local")).not.toContain("ff1e::/16");
    expect(ip("-n", net.near, "route", "show")).not.toContain("239.0.0.0/8");
    tun.configure(CONFIG);
    tun.configure(CONFIG); // the same again changes nothing
    expect(ip("-n", net.near, "route", "show")).toContain("239.0.0.0/8 dev castaway0");
  });

  test("LANs behind it have routes that the tunnel's own packets do not take, and that go with it", () => {
    const lans = [
      { prefix: parsePrefix("192.168.1.0/24"), source: "10.99.0.2" },
      { prefix: parsePrefix("fd77:1::/64"), source: "fd99::2" },
    ];
    tun.configure({ ...CONFIG, lans });
    const way = (address: string, ...more: string[]) => ip("-n", net.near, "route", "get", address, ...more);
    for (const [address, source] of [
      ["192.168.1.20", "10.99.0.2"],
      ["fd77:1::20", "fd99::2"],
    ] as const) {
      expect(way(address)).toMatch(new RegExp(`dev castaway0 .*src ${source}`));
      expect(way(address, "mark", String(OWN_MARK))).toContain("dev lan0");
    }
    tun.configure({ ...CONFIG, lans: lans.slice(1) });
    expect(way("192.168.1.20")).toContain("dev lan0");
    expect(way("fd77:1::20")).toContain("dev castaway0");
    tun.configure(CONFIG);
    for (const family of ["-4", "-6"]) expect(ip("-n", net.near, family, "rule")).not.toContain("32500:");
    tun.configure({ ...CONFIG, lans });
    tun.remove();
    for (const family of ["-4", "-6"]) expect(ip("-n", net.near, family, "rule")).not.toContain("32500:");
    tun = inside(net.near, () => openTun()); // for afterEach
  });

  test("no address is generated, and the queue is as long as asked", () => {
    expect(ip("-n", net.near, "-d", "link", "show", "castaway0")).toMatch(/qlen 4096[^]*addrgenmode none/);
    expect(ip("-n", net.near, "-6", "addr", "show", "castaway0").match(/inet6 \S+/g)).toEqual([
      "inet6 fd99::2/64",
      "inet6 fe80::2/64",
    ]);
  });

  test("a process killed with SIGKILL leaves device and memberships; the next one takes over", async () => {
    tun.remove();
    const script = `
      import { openTun } from "#edge/linux/tun.ts";
      const tun = openTun();
      tun.configure(${JSON.stringify({ ...CONFIG })});
      console.log("ready");
      setInterval(() => {}, 1000);`;
    const child = spawn(
      "ip",
      ["netns", "exec", net.near, process.execPath, "--input-type=module", "-e", script],
      {
        cwd: new URL("../..", import.meta.url),
      },
    );
    let said = "";
    child.stdout.on("data", (data: Buffer) => (said += String(data)));
    child.stderr.on("data", (data: Buffer) => (said += String(data)));
    await until("the first process", () => said.includes("ready"), 10_000).catch((cause) => {
      throw new Error(said, { cause });
    });
    const member = join("239.1.2.3");
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    expect(devicesOf("239.1.2.3")).toEqual(["castaway0"]);
    tun = inside(net.near, () => openTun());
    const packet = Buffer.concat([
      Buffer.alloc(10),
      udpPacket("198.51.100.9", "239.1.2.3", Buffer.from("back")),
    ]);
    checked("write", write(tun.fd, packet, packet.length));
    expect(drain(member).map(String)).toEqual(["back"]);
  });

  test("a second process cannot take it, and the error says so", () => {
    expect(() => inside(net.near, () => openTun())).toThrow(
      /TUNSETIFF castaway0: EBUSY .*another program holds/,
    );
  });
});
