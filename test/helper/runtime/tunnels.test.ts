// The daemon's tunnels between a made-up fast path and far ends over TCP on loopback.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { Tunnel } from "#contract/tunnels.ts";
import { InFlight, MAX_IN_FLIGHT } from "#fastpath/in-flight.ts";
import type { FastPathCommand } from "#ports/fast-path.ts";
import { RESENT_PORT } from "#ports/group-socket.ts";
import { Forwarding, FORWARDING_LIMITS } from "#protocol/forwarding/forwarding.ts";
import { EXIT_LOCAL } from "#protocol/forwarding/route-table.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import { ANY_SOURCE } from "#protocol/membership/source-filter.ts";
import { Core } from "#runtime/core.ts";
import type { TunnelSetting } from "#runtime/store/tunnel-settings.ts";
import { RETRY_MS } from "#runtime/tunnels/opening.ts";
import { SixtunnelVif } from "#runtime/tunnels/sixtunnel-vif.ts";
import { Tunnels } from "#runtime/tunnels/tunnels.ts";
import { parsePrefix, type Address } from "#wire/address.ts";
import { decodeIpPart, encodeAddressed } from "#wire/addressed-datagram.ts";
import { encodeTunnelled } from "#wire/mcasttunnel.ts";
import { decodeMembershipPacket, encodeMembershipPacket } from "#wire/membership-packet.ts";
import { decodeUdp } from "#wire/udp.ts";

const GROUP = "239.7.7.7";

let now: number;
let commands: FastPathCommand[];
let core: Core;
let tunnels: Tunnels;
let settings: TunnelSetting[];
let ownAddresses: { address: Address }[];

beforeEach(() => {
  [now, commands, settings, ownAddresses] = [1_000, [], [], [{ address: "192.0.2.7" }]];
  core = new Core({
    clock: { now: () => now, wall: () => now },
    entropy: { bytes: (length) => new Uint8Array(length) },
    log: { write: () => {} },
    fastPath: { send: (command) => void commands.push(command), onEvent: () => {} },
    forwarding: new Forwarding({ ...FORWARDING_LIMITS, scope: scopePolicy(), lanToLan: false }),
    changed: () => {},
  });
  tunnels = new Tunnels({
    core,
    settings: () => settings,
    networkAddresses: () => ownAddresses,
    links: () => [],
    folder: "/nonexistent",
  });
});
afterEach(() => {
  tunnels.close();
  core.scheduler.stop();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function mcasttunnel(): Promise<TunnelSetting & { kind: "mcasttunnel" }> {
  return {
    ...{ id: "0a1b2c3d", kind: "mcasttunnel", role: "server", address: "127.0.0.1" },
    ...{ port: await freePort(), group: GROUP, groupPort: 5004, ttl: 16 },
  };
}

const only = (): Tunnel => tunnels.list()[0]!;
const stateIs = (state: Tunnel["state"]): Promise<void> => expect.poll(() => only().state).toBe(state);
const packetsIn = (): Uint8Array[] =>
  commands.flatMap((command) => (command.type === "packet-in" ? [command.packet] : []));
const listening = (): string[] => core.forwarding.dump().groups.map(({ group }) => group);

/** The vif that was added last, and its memory of what is under way. */
function device(): { readonly vif: number; readonly memory: SharedArrayBuffer } {
  const added = commands.findLast((command) => command.type === "vif-add");
  if (added?.type !== "vif-add" || added.device.kind !== "socket") throw new Error("no socket device");
  return { vif: added.vif, memory: added.device.inFlight };
}

/** Out of the fast path. */
function send(packet: Uint8Array): void {
  const { vif, memory } = device();
  expect(new InFlight(memory, "out").begin(packet.length)).toBe(true);
  expect(tunnels.packetOut(vif, packet, now)).toBe(true);
}

function udp(port = 5004, sourcePort = 4_000): Uint8Array {
  const ends = { source: "192.0.2.1", destination: GROUP, sourcePort, destinationPort: port };
  return encodeAddressed({ ...ends, ttl: 9, payload: Buffer.from("out") }, 5)[0]!;
}

async function client(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  await stateIs("up");
  return socket;
}

test("mcasttunnel: what comes by TCP enters with the group, and what the forwarder has goes out framed", async () => {
  const setting = await mcasttunnel();
  settings = [setting];
  tunnels.refresh();
  expect(listening()).toEqual([]);
  await expect.poll(() => connectable(setting.port)).toBe(true);
  const socket = await client(setting.port);
  expect(listening()).toEqual([GROUP]);
  socket.write(encodeTunnelled(Buffer.from("in")));
  await expect.poll(() => packetsIn().length).toBe(1);
  const part = decodeIpPart(packetsIn()[0]!);
  expect(part).toMatchObject({ source: "192.0.2.7", destination: GROUP, ttl: 17 });
  expect(decodeUdp(part.payload, part.source, part.destination)).toMatchObject({
    ...{ sourcePort: RESENT_PORT, destinationPort: 5004, payload: new Uint8Array(Buffer.from("in")) },
  });
  for (const packet of [udp(5006), udp(5004, RESENT_PORT), Uint8Array.of(0x45), udp()]) send(packet);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  expect([...chunk]).toEqual([0, 3, ...Buffer.from("out")]);
  expect(only()).toMatchObject({
    toPeers: 1,
    fromPeers: 1,
    drops: { "other-port": 1, loop: 1, malformed: 1 },
  });
  expect([...new Int32Array(device().memory)].slice(2)).toEqual([0, 0]);
  socket.destroy();
  await stateIs("waiting");
  expect(listening()).toEqual([]);
  send(udp());
  expect(only().drops["not-connected"]).toBe(1);
});

async function connectable(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    socket.destroy();
    await stateIs("waiting");
    return true;
  } catch {
    return false;
  }
}

test("mcasttunnel: without an address of its own, or with too much under way, packets are dropped and counted", async () => {
  const setting = await mcasttunnel();
  settings = [setting];
  tunnels.refresh();
  await expect.poll(() => connectable(setting.port)).toBe(true);
  const socket = await client(setting.port);
  ownAddresses = [{ address: "fd00::7" }];
  socket.write(encodeTunnelled(Buffer.from("in")));
  await expect.poll(() => only().drops["no-own-address"]).toBe(1);
  ownAddresses = [{ address: "192.0.2.7" }];
  const frames = Array.from({ length: MAX_IN_FLIGHT + 10 }, () => encodeTunnelled(Uint8Array.of(1)));
  socket.write(Buffer.concat(frames));
  await expect.poll(() => only().fromPeers).toBe(1 + frames.length);
  expect(packetsIn()).toHaveLength(MAX_IN_FLIGHT);
  expect(only().drops["queue-full"]).toBe(10);
});

test("a port that is taken is said, and tried again", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const setting = await mcasttunnel();
  const taker = createServer().listen(setting.port, "127.0.0.1");
  await once(taker, "listening");
  settings = [setting];
  tunnels.refresh();
  await stateIs("failed");
  expect(only().detail).toContain("EADDRINUSE");
  taker.close();
  await once(taker, "close");
  now += RETRY_MS;
  vi.advanceTimersByTime(RETRY_MS);
  await stateIs("waiting");
});

test("what is taken out of the settings ends, and its vif with it; the others stay", async () => {
  const [one, other] = [await mcasttunnel(), { ...(await mcasttunnel()), id: "0a1b2c3e" }];
  settings = [one, other];
  tunnels.refresh();
  await expect.poll(() => connectable(other.port)).toBe(true);
  settings = [other];
  tunnels.refresh();
  expect(tunnels.list().map(({ id }) => id)).toEqual(["0a1b2c3e"]);
  expect(commands.filter(({ type }) => type === "vif-remove")).toHaveLength(1);
  tunnels.close();
  expect(commands.filter(({ type }) => type === "vif-remove")).toHaveLength(2);
});

const PREFIX = parsePrefix("2001:db8:aa:1::/64");

function sixtunnel(role: "server" | "client") {
  const sent: Uint8Array[] = [];
  const six = new SixtunnelVif({
    ...{ core, id: core.takeVifId()!, name: "six", role },
    farEnd: { peer: "192.0.2.1:4000", prefix: PREFIX, send: (packet) => sent.push(packet) },
    closed: (vif) => vif.close(),
  });
  six.membership.handleTimeout(now);
  core.turn();
  return { six, sent };
}

function udp6(source: Address, group = "ff1e::7"): Uint8Array {
  const ends = { source, destination: group, sourcePort: 4_000, destinationPort: 5004 };
  return encodeAddressed({ ...ends, ttl: 9, payload: Buffer.from("x") }, 5)[0]!;
}

/** What the packets of MLD among `sent` are, and from where. */
function mld(sent: readonly Uint8Array[]): string[] {
  return sent.flatMap((packet) => {
    const decoded = decodeMembershipPacket(packet);
    return "refused" in decoded ? [] : [`${decoded.message.kind} from ${decoded.source}`];
  });
}

test("IPv6 tunnel: the far end's reports are listeners, its groups enter, and what belongs to its link does not", () => {
  const { six, sent } = sixtunnel("server");
  expect(mld(sent)).toEqual(["query from fe80::1"]);
  const records = [{ type: "to-exclude", group: "ff1e::7", sources: [] }] as const;
  six.packet(encodeMembershipPacket({ kind: "report", version: 3, records }, "fe80::99"));
  expect(listening()).toEqual(["ff1e::7"]);
  six.packet(udp6("2001:db8:aa:1::1"));
  expect(packetsIn()).toHaveLength(1);
  six.packet(udp6("fe80::99", "ff02::fb"));
  expect(packetsIn()).toHaveLength(1);
  expect(six.vif.drops["link-local"]).toBe(1);
  six.closed();
  expect(listening()).toEqual([]);
  expect(commands.at(-1)?.type).not.toBe("packet-in");
});

test("IPv6 tunnel: what others want is reported to the far end, and its query answered", () => {
  const { six, sent } = sixtunnel("client");
  const other = core.takeVifId()!;
  core.forwarding.addVif(other, { kind: "tun", upstream: false });
  core.listeners(other, EXIT_LOCAL, "ff1e::7", ANY_SOURCE);
  core.listeners(other, EXIT_LOCAL, GROUP, ANY_SOURCE); // IPv4 is none of its
  core.turn();
  expect(mld(sent)).toEqual(["query from fe80::2", "report from fe80::2"]);
  const query = { kind: "query", version: 3, group: undefined, maxResponseMs: 1_000, sources: [] } as const;
  const tail = { suppress: false, robustness: 2, queryIntervalS: 125 };
  six.packet(encodeMembershipPacket({ ...query, ...tail }, "fe80::1"));
  six.handleTimeout(now);
  core.turn();
  expect(mld(sent).slice(2)).toEqual(["report from fe80::2"]);
});

test("IPv6 tunnel: to its server a client sends nothing but what comes from its /64", () => {
  for (const [role, count] of [
    ["client", 1],
    ["server", 2],
  ] as const) {
    const { six, sent } = sixtunnel(role);
    const before = sent.length;
    for (const source of ["2001:db8:aa:1::1", "2001:db8:5::1"]) out(six, udp6(source));
    out(six, udp());
    expect(sent.length - before).toBe(count);
    expect(six.vif.drops).toEqual({ ...(role === "client" && { "foreign-source": 1 }), "not-ipv6": 1 });
  }
});

function out(six: SixtunnelVif, packet: Uint8Array): void {
  new InFlight(device().memory, "out").begin(packet.length);
  six.vif.packetOut(packet, now);
}
