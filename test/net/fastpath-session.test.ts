// What keys, addresses, devices and strangers do to a fast path: the real kernel, hostile input, no quiet failure.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { close, sendto } from "#edge/linux/libc.ts";
import { socketAddress } from "#edge/linux/sockaddr.ts";
import { enlargeBuffers, setOption } from "#edge/linux/socket-options.ts";
import { openDatagrams } from "#edge/linux/udp.ts";
import type { FastPathEvent } from "#ports/fast-path.ts";
import { addressBytes } from "#wire/address.ts";
import { inside, indexOf, ip, until } from "./edge-namespaces.ts";
import { drain, listener } from "./edge-sockets.ts";
import {
  AWAY_PORT,
  AWAY_WAN4,
  HOME_PORT,
  HOME_WAN4,
  LAN,
  PEER,
  TUN,
  makePair,
  toLocal,
  toPeer,
} from "./fastpath-pair.ts";
import type { End, Pair } from "./fastpath-pair.ts";
import { numbered, sendAll } from "./fastpath-traffic.ts";

const GROUP = "239.1.2.3";
const GROUP6 = "ff1e::123";

const join = (namespace: string, device: string, group: string): number => {
  const index = indexOf(namespace, device);
  const fd = inside(namespace, () => listener(group, { interfaceIndex: index }));
  enlargeBuffers(fd, 4 << 20);
  return fd;
};

const ofType = <T extends FastPathEvent["type"]>(end: End, type: T): Extract<FastPathEvent, { type: T }>[] =>
  end.events.filter((event): event is Extract<FastPathEvent, { type: T }> => event.type === type);

function carry(pair: Pair, group: string, count: number, size: number, segment = 0): void {
  const fd = join(pair.away.namespace, "castaway0", group);
  try {
    const sent = numbered(count, size);
    const handed = segment === 0 ? sent : [Buffer.concat(sent)];
    sendAll(pair.source, "wire0", group, handed, { segment });
    expect(drain(fd).map(String)).toEqual(sent.map(String));
  } finally {
    close(fd);
  }
}

describe("one pair", () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await makePair({ prefix: "e", outer: 6, cipher: "chacha20-poly1305", lanMtu: 9000 });
    for (const [end, exit] of [
      ["home", toPeer()],
      ["away", toLocal(TUN)],
    ] as const)
      pair.routes(end, { [GROUP]: [exit], [GROUP6]: [exit] });
  });
  afterAll(async () => pair?.remove());

  test("ChaCha20-Poly1305 over IPv6", () => carry(pair, GROUP, 100, 1316));
  test.each([GROUP, GROUP6])("a packet larger than the path goes in pieces: %s", (group) =>
    carry(pair, group, 20, 8000),
  );
  test.each([GROUP, GROUP6])("a super-packet of the sender becomes its datagrams: %s", (group) =>
    carry(pair, group, 40, 1000, 1000),
  );
  test("new keys in mid-stream lose nothing, and are confirmed", async () => {
    const fd = join(pair.away.namespace, "castaway0", GROUP);
    const sent = numbered(60, 500);
    const received: Buffer[] = [];
    for (const cipher of ["aes-256-gcm", "chacha20-poly1305", "aes-256-gcm"] as const) {
      const part = sent.slice(received.length, received.length + 20);
      sendAll(pair.source, "wire0", GROUP, part.slice(0, 10));
      pair.rekey(cipher); // while those are on their way
      sendAll(pair.source, "wire0", GROUP, part.slice(10));
      received.push(...drain(fd));
    }
    expect(received.map(String)).toEqual(sent.map(String));
    close(fd);
    carry(pair, GROUP, 5, 100);
    await until("confirmed", () => ofType(pair.away, "peer-keys-confirmed").length >= 3);
  });

  test("a burst reaches the TUN as super-packets", () => {
    const fd = join(pair.away.namespace, "castaway0", GROUP);
    setOption(fd, 17, 104, 1, "UDP_GRO"); // a socket with it is handed a super-packet whole
    sendAll(pair.source, "wire0", GROUP, [Buffer.concat(numbered(40, 1000))], { segment: 1000 });
    const received = drain(fd);
    close(fd);
    expect(Buffer.concat(received).length).toBe(40_000);
    expect(Math.max(...received.map((bytes) => bytes.length))).toBeGreaterThan(1000);
  });

  test("control messages of any length arrive as they were sent", async () => {
    const messages = [1, 1000, 20_000].map((length) => new Uint8Array(randomBytes(length)));
    for (const message of messages) pair.home.fastPath.send({ type: "send-control", vif: PEER, message });
    await until("control", () => ofType(pair.away, "control").length === 3);
    expect(ofType(pair.away, "control").map((event) => event.message)).toEqual(messages);
  });

  test("unicast goes by its routes, with a source that the peer may use alone", async () => {
    carry(pair, GROUP, 1, 100); // away may use its keys from here on
    ip("-n", pair.away.namespace, "route", "add", "10.50.0.0/24", "dev", "castaway0");
    pair.unicast("away", [{ address: addressBytes("10.50.0.0"), length: 24, vif: PEER }]);
    const ping = (): void => {
      try {
        ip("netns", "exec", pair.away.namespace, "ping", "-c1", "-W1", "10.50.0.1");
      } catch {
        // nobody answers
      }
    };
    ping();
    await until("no route", () => (pair.home.fastPath.counters(PEER).drops["no-route"] ?? 0) >= 1);
    const sources = [{ address: addressBytes("10.99.0.7"), length: 32 }];
    pair.home.fastPath.send({ type: "peer-sources", vif: PEER, sources });
    ping();
    await until("spoofed", () => (pair.home.fastPath.counters(PEER).drops["spoofed-source"] ?? 0) >= 1);
  });

  test("a group that nobody wants is counted and not sent", async () => {
    const before = pair.home.fastPath.counters(PEER).txPackets;
    sendAll(pair.source, "wire0", "239.7.7.7", numbered(10, 100));
    await until("drops", () => pair.home.fastPath.counters(LAN).drops["no-listener"] === 10);
    expect(pair.home.fastPath.counters(PEER).txPackets).toBe(before);
    expect(pair.home.fastPath.flows(5000).find((flow) => flow.group === "239.7.7.7")).toMatchObject({
      vif: LAN,
      packets: 10,
      egressCount: 0,
      source: "10.77.0.2",
    });
  });

  test("TTL 1 goes nowhere, and says so", async () => {
    sendAll(pair.source, "wire0", GROUP, numbered(3, 100), { ttl: 1 });
    await until("drops", () => pair.home.fastPath.counters(LAN).drops.ttl === 3);
  });

  test("a join on the LAN is told to the slow path", async () => {
    close(join(pair.source, "wire0", "239.4.4.4"));
    const report = () =>
      ofType(pair.home, "membership-packet").find(
        ({ own, packet }) => !own && packet[9] === 2 && Buffer.from(packet).includes(Buffer.of(239, 4, 4, 4)),
      );
    await until("an IGMP report of the other host", () => report() !== undefined);
    expect(report()!.vif).toBe(LAN);
  });
});

describe("strangers and change", () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await makePair({ prefix: "f" });
    pair.routes("home", { [GROUP]: [toPeer()] });
    pair.routes("away", { [GROUP]: [toLocal(TUN)] });
  });
  afterAll(async () => pair?.remove());

  test("garbage, forgeries and replays are counted, bounded, and disturb nothing", async () => {
    carry(pair, GROUP, 20, 1000);
    const stranger = inside(pair.home.namespace, () => openDatagrams(0));
    const to = socketAddress(`::ffff:${AWAY_WAN4}`, AWAY_PORT);
    const send = (bytes: Uint8Array): number => sendto(stranger.fd, bytes, bytes.length, 0, to, to.length);
    for (let i = 0; i < 20_000; i++) {
      const bytes = randomBytes(1 + (i % 1400));
      if (i % 3 === 0) bytes.set([4, 0, 0, 0].slice(0, bytes.length));
      send(bytes);
    }
    carry(pair, GROUP, 200, 1000);
    close(stranger.fd);
    const { drops } = pair.away.fastPath.transportCounters();
    expect(drops["unknown-index"]).toBeGreaterThan(1000);
    expect(drops["rate-limited"]).toBeGreaterThan(1000);
    await until("events", () => ofType(pair.away, "datagram").length > 0);
    expect(ofType(pair.away, "datagram").length).toBeLessThan(6000);
    expect(ofType(pair.away, "peer-moved")).toEqual([]);
  });

  test("a peer that comes from a new address is answered there", async () => {
    carry(pair, GROUP, 5, 100);
    const moved = inside(pair.home.namespace, () => openDatagrams(HOME_PORT + 1));
    pair.home.fastPath.send({ type: "udp", fd: moved.fd });
    carry(pair, GROUP, 20, 100);
    await until("moved", () => ofType(pair.away, "peer-moved").length === 1);
    expect(ofType(pair.away, "peer-moved")[0]!.endpoint).toEqual({ address: HOME_WAN4, port: HOME_PORT + 1 });
    pair.away.fastPath.send({ type: "send-control", vif: PEER, message: Buffer.from("here") });
    await until("answer", () => ofType(pair.home, "control").length === 1);
    pair.home.fastPath.send({ type: "udp", fd: pair.home.datagrams.fd });
    close(moved.fd);
  });

  test("an interface that goes away is reported once, and the rest goes on", async () => {
    ip("-n", pair.home.namespace, "link", "del", "lan0");
    await until("failed", () => ofType(pair.home, "vif-failed").length > 0);
    expect(ofType(pair.home, "vif-failed")).toHaveLength(1);
    expect(ofType(pair.home, "vif-failed")[0]!.vif).toBe(LAN);
    pair.home.fastPath.send({ type: "send-control", vif: PEER, message: Buffer.from("still here") });
    await until("control", () => ofType(pair.away, "control").length === 1);
  });

  test("without keys nothing leaves", async () => {
    pair.home.fastPath.send({ type: "peer-keys-clear", vif: PEER });
    pair.home.fastPath.send({ type: "send-keepalive", vif: PEER });
    await until("no keys", () => pair.home.fastPath.counters(PEER).drops["no-keys"] === 1);
  });
});
