import { expect, test } from "vitest";
import { CONNECT_MS, Connecting, RETRY_MS } from "#protocol/tunnels/connecting.ts";
import { tunnelCounters } from "#protocol/mcasttunnel/counters.ts";
import { MAX_WAITING, TunnelSession } from "#protocol/mcasttunnel/session.ts";
import { encodeTunnelled } from "#wire/mcasttunnel.ts";

function numbered(number: number): Uint8Array {
  const payload = new Uint8Array(1022);
  new DataView(payload.buffer).setUint32(0, number);
  return payload;
}

test("what waits is bounded: the oldest go, counted, and the rest comes in order", () => {
  const counters = tunnelCounters();
  const session = new TunnelSession(counters);
  const room = MAX_WAITING / 1024;
  const count = room * 20 + 7;
  for (let number = 0; number < count; number++) {
    session.offer(numbered(number));
    expect(session.waiting).toBeLessThanOrEqual(MAX_WAITING);
  }
  for (let number = count - room; number < count; number++)
    expect(session.next()).toEqual(encodeTunnelled(numbered(number)));
  expect(session.next()).toBeUndefined();
  expect(session.waiting).toBe(0);
  expect(counters).toMatchObject({ toPeers: room, drops: { "queue-full": count - room } });
});

test("datagrams that no frame holds are counted, and wait nowhere", () => {
  const counters = tunnelCounters();
  const session = new TunnelSession(counters);
  session.offer(new Uint8Array(0));
  session.offer(new Uint8Array(2049));
  expect(session.next()).toBeUndefined();
  expect(counters.drops).toMatchObject({ "empty-datagram": 1, "too-long": 1 });
});

test("a broken stream keeps what came before, and is never read again", () => {
  const counters = tunnelCounters();
  const session = new TunnelSession(counters);
  const stream = Uint8Array.of(0, 1, 7, 0, 0, 0xff, 0xff, 0, 1, 8);
  expect(session.read(stream)).toEqual({ datagrams: [Uint8Array.of(7)], broken: true });
  expect(session.read(Uint8Array.of(0, 1, 9))).toEqual({ datagrams: [], broken: true });
  expect(counters).toMatchObject({ fromPeers: 1, drops: { "broken-stream": 1, "empty-frame": 1 } });
});

test("a client connects at once, and a second after each end", () => {
  const connecting = new Connecting(5_000);
  expect(connecting.pollTimeout()).toBe(5_000);
  expect(connecting.handleTimeout(5_000)).toBe("connect");
  connecting.handleClosed(5_010); // refused
  expect(connecting.pollTimeout()).toBe(5_010 + RETRY_MS);
  expect(connecting.handleTimeout(6_009)).toBeUndefined();
  expect(connecting.handleTimeout(6_010)).toBe("connect");
  connecting.handleConnected();
  expect(connecting.pollTimeout()).toBeUndefined();
  expect(connecting.handleTimeout(99_000)).toBeUndefined();
  connecting.handleClosed(100_000);
  expect(connecting.pollTimeout()).toBe(101_000);
});

test("a connection that nobody answers is given up, and its own end changes nothing", () => {
  const connecting = new Connecting(0);
  connecting.handleTimeout(0);
  expect(connecting.pollTimeout()).toBe(CONNECT_MS);
  expect(connecting.handleTimeout(CONNECT_MS)).toBe("give-up");
  connecting.handleClosed(CONNECT_MS + 400);
  expect(connecting.pollTimeout()).toBe(CONNECT_MS + RETRY_MS);
});
