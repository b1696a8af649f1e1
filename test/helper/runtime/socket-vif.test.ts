// One socket vif between a made-up fast path and made-up sockets.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { InFlight, MAX_IN_FLIGHT } from "#fastpath/in-flight.ts";
import type { FastPathCommand } from "#ports/fast-path.ts";
import { RESENT_PORT, type GroupDatagram, type GroupInterface, type GroupPort } from "#ports/group-socket.ts";
import { Forwarding, FORWARDING_LIMITS } from "#protocol/forwarding/forwarding.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import { Core } from "#runtime/core.ts";
import { SocketVif } from "#runtime/socket-vif.ts";
import type { Address } from "#wire/address.ts";
import { decodeIpPart, encodeAddressed } from "#wire/addressed-datagram.ts";
import { decodeUdp } from "#wire/udp.ts";

const GROUP = "239.7.7.7";
const GROUP6 = "ff1e::7";
const SSM = "232.7.7.7";
const CHOICE: GroupPort[] = [
  { group: GROUP, port: 5004 },
  { group: GROUP, port: 5006 },
  { group: GROUP6, port: 5004 },
  { group: SSM, port: 5004, sources: ["192.0.2.1"] },
];

interface Opened {
  readonly where: GroupInterface;
  readonly hear: (datagram: Partial<GroupDatagram>) => void;
  readonly fail: (error: Error) => void;
  readonly sent: string[];
  closed: boolean;
}

let now: number;
let commands: FastPathCommand[];
let opened: Opened[];
let core: Core;
let vif: SocketVif;
let where: GroupInterface | string;
let ownAddress: Address | undefined;
let sendNow: Promise<void>;
let openError: Error | undefined;

beforeEach(async () => {
  vi.useFakeTimers({ now: 0 });
  [now, commands, opened, where] = [1000, [], [], { name: "eth0", interface4: "192.0.2.7" }];
  [ownAddress, sendNow, openError] = [undefined, Promise.resolve(), undefined];
  const forwarding = new Forwarding({ ...FORWARDING_LIMITS, scope: scopePolicy(), lanToLan: false });
  core = new Core({
    clock: { now: () => now, wall: () => now },
    entropy: { bytes: (length) => new Uint8Array(length) },
    log: { write: () => {} },
    fastPath: { send: (command) => void commands.push(command), onEvent: () => {} },
    forwarding,
    changed: () => {},
  });
  vif = new SocketVif({
    core,
    id: 1,
    name: "socket-eth0",
    groups: CHOICE,
    find: () => where,
    ownAddress: () => ownAddress,
    open: async (_groups, at, received, failed) => {
      if (openError) throw openError;
      const one: Opened = {
        where: at,
        sent: [],
        closed: false,
        fail: failed,
        hear: (datagram) =>
          received({
            group: GROUP,
            port: 5004,
            source: "192.0.2.1",
            sourcePort: 4000,
            payload: Buffer.from("in"),
            ...datagram,
          }),
      };
      opened.push(one);
      return {
        send: async (group, port, ttl, payload) => {
          await sendNow;
          one.sent.push(`${group} ${port} ttl ${ttl} ${Buffer.from(payload).toString()}`);
        },
        close: async () => void (one.closed = true),
      };
    },
  });
  await settle();
});
afterEach(() => {
  vif.close();
  core.scheduler.stop();
  vi.useRealTimers();
});

const settle = async (): Promise<void> => void (await vi.advanceTimersByTimeAsync(0));
const packetsIn = (): Uint8Array[] =>
  commands.flatMap((command) => (command.type === "packet-in" ? [command.packet] : []));
const last = (): Opened => opened.at(-1)!;

interface Out {
  readonly source?: Address;
  readonly sourcePort?: number;
  readonly group?: Address;
  readonly port?: number;
  readonly size?: number;
}
function packets({ source, sourcePort = 4000, group = GROUP, port = 5004, size }: Out): Uint8Array[] {
  const from = source ?? (group.includes(":") ? "2001:db8::1" : "192.0.2.1");
  const payload = size === undefined ? Buffer.from("out") : new Uint8Array(size).fill(0x61);
  const ports = { sourcePort, destinationPort: port };
  return encodeAddressed({ source: from, destination: group, ttl: 9, payload, ...ports }, 5);
}
async function send(out: Out = {}): Promise<void> {
  for (const packet of packets(out)) {
    expect(device().leaving.begin(packet.length)).toBe(true);
    vif.packetOut(packet, now);
  }
  await settle();
}
function device(): { arriving: InFlight; leaving: InFlight; memory: Int32Array } {
  const [added] = commands.filter((command) => command.type === "vif-add");
  if (added?.type !== "vif-add" || added.device.kind !== "socket") throw new Error("no socket device");
  const { inFlight } = added.device;
  return {
    arriving: new InFlight(inFlight, "in"),
    leaving: new InFlight(inFlight, "out"),
    memory: new Int32Array(inFlight),
  };
}

test("it listens to what was chosen, all ports of a group together, and asks for nothing", () => {
  const { groups } = core.forwarding.dump();
  const listeners = groups.map(({ group, listeners }) => [
    group,
    ...listeners.map(({ exit, mode, sources }) => `${exit} ${mode} ${[...sources].join()}`),
  ]);
  expect(listeners.sort()).toEqual([
    [SSM, "wire include 192.0.2.1"],
    [GROUP, "wire exclude "],
    [GROUP6, "wire exclude "],
  ]);
});

describe("in", () => {
  test("a datagram becomes a whole IP packet: the sender's address and port, TTL 64, checksums", () => {
    last().hear({ payload: Buffer.from("hello") });
    const part = decodeIpPart(packetsIn()[0]!); // throws where a checksum is wrong
    expect(part).toMatchObject({ source: "192.0.2.1", destination: GROUP, ttl: 64, protocol: 17 });
    const { payload, ...ports } = decodeUdp(part.payload, part.source, part.destination);
    expect(ports).toEqual({ sourcePort: 4000, destinationPort: 5004 });
    expect(Buffer.from(payload).toString()).toBe("hello");
  });

  test("each packet has another id", () => {
    last().hear({});
    last().hear({});
    const ids = packetsIn().map((packet) => decodeIpPart(packet).identification);
    expect(new Set(ids).size).toBe(2);
  });

  test("a loopback address becomes this computer's address in the network, if it has one", () => {
    last().hear({ source: "127.0.0.1" });
    expect(packetsIn()).toEqual([]);
    expect(vif.drops).toEqual({ "bad-source": 1 });
    ownAddress = "100.66.1.2";
    last().hear({ source: "127.0.0.5" });
    expect(packetsIn().map((packet) => decodeIpPart(packet).source)).toEqual(["100.66.1.2"]);
  });

  test("more than the fast path takes is dropped and counted", () => {
    for (let i = 0; i < MAX_IN_FLIGHT + 7; i++) last().hear({});
    expect(packetsIn()).toHaveLength(MAX_IN_FLIGHT);
    expect(vif.drops).toEqual({ "queue-full": 7 });
    device().arriving.end(packetsIn()[0]!.length);
    last().hear({});
    expect(packetsIn()).toHaveLength(MAX_IN_FLIGHT + 1);
  });
});

describe("out", () => {
  test("to group and port, with the packet's TTL", async () => {
    await send();
    await send({ port: 5006 });
    await send({ group: GROUP6 });
    expect(last().sent).toEqual([
      `${GROUP} 5004 ttl 9 out`,
      `${GROUP} 5006 ttl 9 out`,
      `${GROUP6} 5004 ttl 9 out`,
    ]);
    expect(vif.drops).toEqual({});
  });

  test("fragments of either family are put together first", async () => {
    await send({ group: GROUP6, size: 5000 });
    expect(last().sent).toEqual([`${GROUP6} 5004 ttl 9 ${"a".repeat(5000)}`]);
  });

  test("ports and sources that were not chosen end here, each counted", async () => {
    await send({ port: 5005 });
    await send({ group: "239.7.7.8" });
    await send({ group: SSM, source: "192.0.2.2" });
    expect(vif.drops).toEqual({ "other-port": 3 });
    await send({ group: SSM });
    expect(last().sent).toEqual([`${SSM} 5004 ttl 9 out`]);
  });

  test("what another socket vif has sent already is not sent on", async () => {
    await send({ sourcePort: RESENT_PORT });
    expect(last().sent).toEqual([]);
    expect(vif.drops).toEqual({ loop: 1 });
  });

  test("what the link has from the source itself is not sent there too, until that falls silent", async () => {
    last().hear({});
    await send();
    await send({ source: "192.0.2.2" });
    await send({ port: 5006 });
    expect(last().sent).toEqual([`${GROUP} 5004 ttl 9 out`, `${GROUP} 5006 ttl 9 out`]);
    expect(vif.drops).toEqual({ loop: 1 });
    now += 3_000;
    await send();
    expect(last().sent).toHaveLength(3);
  });

  test("packets that are damaged or no UDP are dropped and counted", async () => {
    const [damaged] = packets({});
    damaged![30]! ^= 1;
    device().leaving.begin(damaged!.length);
    vif.packetOut(damaged!, now);
    const [icmp] = packets({ group: GROUP6 });
    icmp![6] = 58;
    device().leaving.begin(icmp!.length);
    vif.packetOut(icmp!, now);
    device().leaving.begin(0);
    vif.packetOut(new Uint8Array(0), now);
    await settle();
    expect(vif.drops).toEqual({ malformed: 2, "not-udp": 1 });
    expect([...device().memory]).toEqual([0, 0, 0, 0]);
  });

  test("it counts as under way until the system has it, or has refused it", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    sendNow = promise;
    await send();
    expect(device().memory[2]).toBe(1);
    resolve();
    await settle();
    expect([...device().memory]).toEqual([0, 0, 0, 0]);
    sendNow = Promise.reject(new Error("ENETUNREACH"));
    await send();
    expect([...device().memory]).toEqual([0, 0, 0, 0]);
    expect(vif.drops).toEqual({ "send-failed": 1 });
  });
});

describe("sockets", () => {
  test("one that cannot be opened is tried again, and the vif says why it does not work", async () => {
    openError = new Error("bind EADDRINUSE");
    where = { name: "eth1" };
    vif.networkChanged();
    await settle();
    expect(vif.problem).toBe("bind EADDRINUSE");
    await send();
    expect(vif.drops).toEqual({ "send-failed": 1 });
    openError = undefined;
    now += 5_000;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(vif.problem).toBeUndefined();
    expect(opened.map(({ where, closed }) => [where.name, closed])).toEqual([
      ["eth0", true],
      ["eth1", false],
    ]);
  });

  test("one that fails while it runs is closed and opened again", async () => {
    last().fail(new Error("recvmsg EIO"));
    expect([vif.problem, last().closed]).toEqual(["recvmsg EIO", true]);
    now += 5_000;
    await vi.advanceTimersByTimeAsync(5_000);
    expect([vif.problem, opened.length, last().closed]).toEqual([undefined, 2, false]);
  });

  test("a change elsewhere leaves a chosen interface alone; another address, or the system's choice, does not", async () => {
    vif.networkChanged();
    await settle();
    expect(opened).toHaveLength(1);
    where = { name: "eth0", interface4: "192.0.2.99" };
    vif.networkChanged();
    await settle();
    expect(opened.map(({ where, closed }) => [where.interface4, closed])).toEqual([
      ["192.0.2.7", true],
      ["192.0.2.99", false],
    ]);
    where = {};
    for (let i = 0; i < 2; i++) {
      vif.networkChanged();
      await settle();
    }
    expect(opened.map(({ closed }) => closed)).toEqual([true, true, true, false]);
  });

  test("an interface that has gone: nothing is open, and it says so", async () => {
    where = "there is no interface eth0 that is up";
    vif.networkChanged();
    await settle();
    expect([vif.problem, last().closed, opened.length]).toEqual([where, true, 1]);
  });

  test("closed while it opens, nothing stays open", async () => {
    where = { name: "eth1" };
    vif.networkChanged();
    vif.close();
    await settle();
    expect(opened.every(({ closed }) => closed)).toBe(true);
    expect(commands.at(-1)).toEqual({ type: "vif-remove", vif: 1 });
  });
});
