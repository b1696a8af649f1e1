import { beforeEach, describe, expect, test } from "vitest";
import type { Endpoint } from "#ports/endpoint.ts";
import { NatProbe, PING_BURST, PING_RATE } from "#protocol/reach/nat-probe.ts";
import { addressBytes } from "#wire/address.ts";

const NODES: Endpoint[] = [1, 2, 3, 4].map((n) => ({ address: `198.51.100.${n}`, port: 49_737 }));
const OUTSIDE: Endpoint = { address: "203.0.113.9", port: 42_268 };

let probe: NatProbe;
let tid = 0;
beforeEach(() => {
  tid = 0;
  probe = new NatProbe({ randomTid: () => (tid += 7), now: 0 });
});

function sent(): { to: Endpoint; data: Uint8Array }[] {
  const all = [];
  for (let one; (one = probe.nextDatagram());) all.push(one);
  return all;
}

/** As dht-rpc's source writes it. */
function pong(ping: Uint8Array, seen: Endpoint): Uint8Array {
  const bytes = new Uint8Array(10);
  bytes.set([0x13, 0, ping[2]!, ping[3]!]);
  bytes.set(addressBytes(seen.address), 4);
  new DataView(bytes.buffer).setUint16(8, seen.port, true);
  return bytes;
}

describe("the NAT probe", () => {
  test("asks three nodes, by 11 bytes each, and believes what two say", () => {
    probe.handleNodes(NODES);
    probe.start(0);
    const pings = sent();
    expect(pings).toHaveLength(3);
    expect(new Set(pings.map(({ to }) => to.address)).size).toBe(3);
    expect(pings.every(({ data }) => data.length === 11 && data[0] === 3)).toBe(true);
    for (const [i, { to, data }] of pings.entries())
      probe.handleDatagram(pong(data, i === 1 ? { ...OUTSIDE, port: 9 } : OUTSIDE), to, 20);
    expect(probe.view).toEqual({ mapping: "same", endpoint: OUTSIDE, at: 20 });
    expect(probe.pollTimeout()).toBeUndefined();
  });

  test("a port for each node is a symmetric NAT", () => {
    probe.handleNodes(NODES);
    probe.start(0);
    for (const [i, { to, data }] of sent().entries())
      probe.handleDatagram(pong(data, { ...OUTSIDE, port: 5_000 + i }), to, 20);
    expect(probe.view).toEqual({ mapping: "varies", at: 20 });
  });

  test("does not wait for a third node that is gone", () => {
    probe.handleNodes(NODES);
    probe.start(0);
    for (const { to, data } of sent().slice(0, 2)) probe.handleDatagram(pong(data, OUTSIDE), to, 20);
    expect(probe.running).toBe(true);
    probe.handleTimeout(probe.pollTimeout()!);
    expect(probe.view).toMatchObject({ mapping: "same", endpoint: OUTSIDE });
    expect(sent()).toEqual([]);
  });

  test("asks again what does not answer, then gives up", () => {
    probe.handleNodes(NODES.slice(0, 1));
    probe.start(0);
    const times = [];
    for (let next; (next = probe.pollTimeout()) !== undefined;) {
      times.push(next, sent().length);
      probe.handleTimeout(next);
    }
    expect(times).toEqual([250, 1, 500, 1, 1_000, 1]);
    expect(probe.view).toEqual({ mapping: "unknown", at: 1_000 });
  });

  test("an answer nobody asked for, or from elsewhere, is counted and nothing else", () => {
    probe.handleNodes(NODES);
    probe.start(0);
    const [ping] = sent();
    expect(probe.handleDatagram(pong(ping!.data, OUTSIDE), { ...ping!.to, port: 1 }, 1)).toBe(false);
    const wrong = pong(ping!.data, OUTSIDE);
    wrong[3]! ^= 1;
    expect(probe.handleDatagram(wrong, ping!.to, 1)).toBe(false);
    expect(probe.handleDatagram(new Uint8Array([0x13]), ping!.to, 1)).toBe(false);
    expect(probe.counters.bad).toBe(3);
    expect(probe.view.mapping).toBe("unknown");
  });

  test("asks nobody on this computer or on its LANs, whoever names them", () => {
    const bad = ["127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.1.1", "224.0.0.1", "0.0.0.0"];
    probe.handleNodes([
      ...bad.map((address) => ({ address, port: 53 })),
      { address: "255.255.255.255", port: 9 },
      { address: "2001:db8::1", port: 9 },
      { address: "198.51.100.1", port: 0 },
    ]);
    expect(probe.nodes).toBe(0);
    expect(probe.counters.refused).toBe(bad.length + 3);
    probe.start(0);
    expect(sent()).toEqual([]);
  });

  test("however often it is told to, no more pings leave than its rate", () => {
    const end = 60_000;
    let pings = 0;
    for (let now = 0; now < end; now += 10) {
      probe.handleNodes(
        Array.from({ length: 16 }, (_, i) => ({ address: `198.51.100.${i}`, port: 1 + (now % 9) })),
      );
      probe.handleNetworkChanged(now);
      probe.handleTimeout(now);
      pings += sent().length;
    }
    expect(pings).toBeGreaterThan(PING_RATE * 50);
    expect(pings).toBeLessThanOrEqual(PING_BURST + (PING_RATE * end) / 1_000);
    expect(probe.counters.limited).toBeGreaterThan(1_000);
  });
});
