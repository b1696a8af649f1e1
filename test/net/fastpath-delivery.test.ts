// LAN to UDP to TUN and back, through two fast paths and the real kernel.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { close } from "#edge/linux/libc.ts";
import { enlargeBuffers } from "#edge/linux/socket-options.ts";
import { inside, indexOf, until } from "./edge-namespaces.ts";
import { drain, listener } from "./edge-sockets.ts";
import { LAN, PEER, TUN, makePair, toLocal, toPeer, toWire } from "./fastpath-pair.ts";
import type { Pair } from "./fastpath-pair.ts";
import { numbered, sendAll } from "./fastpath-traffic.ts";

const GROUP4 = "239.1.2.3";
const GROUP6 = "ff1e::123";
let pair: Pair;
const open: number[] = [];

beforeAll(async () => {
  pair = await makePair({ prefix: "d" });
  const to = (...exits: number[]): Record<string, number[]> => ({ [GROUP4]: exits, [GROUP6]: exits });
  pair.routes("home", to(toLocal(LAN), toPeer(), toWire()));
  pair.routes("away", to(toLocal(TUN), toPeer()));
});
afterAll(async () => pair?.remove());
afterEach(() => {
  for (const fd of open.splice(0)) close(fd);
});

const join = (namespace: string, device: string, group: string): number => {
  const index = indexOf(namespace, device);
  const fd = inside(namespace, () => listener(group, { interfaceIndex: index }));
  enlargeBuffers(fd, 4 << 20);
  open.push(fd);
  return fd;
};

describe.each([
  ["IPv4", GROUP4],
  ["IPv6", GROUP6],
])("%s", (_, group) => {
  test.each([4, 100, 1316])("datagrams of %i bytes reach a program away, byte for byte", (size) => {
    const fd = join(pair.away.namespace, "castaway0", group);
    const sent = numbered(200, size);
    sendAll(pair.source, "wire0", group, sent);
    expect(drain(fd).map(String)).toEqual(sent.map(String));
  });

  test("datagrams of 8,000 bytes arrive whole", () => {
    const fd = join(pair.away.namespace, "castaway0", group);
    const sent = numbered(20, 8000);
    sendAll(pair.source, "wire0", group, sent);
    expect(drain(fd).map(String)).toEqual(sent.map(String));
  });

  test("a program away is heard on the LAN and by programs at home, once each", async () => {
    await until("keys in use", () => pair.away.fastPath.counters(PEER).rxPackets > 0);
    const onLan = join(pair.source, "wire0", group);
    const atHome = join(pair.home.namespace, "lan0", group);
    const sent = numbered(50, 1200);
    sendAll(pair.away.namespace, "castaway0", group, sent);
    expect(drain(onLan).map(String)).toEqual(sent.map(String));
    expect(drain(atHome).map(String)).toEqual(sent.map(String));
  });
});
