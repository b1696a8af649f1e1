// A session and its path: sizes found out with real control messages, loss reported in pongs.
import { describe, expect, test } from "vitest";
import { BASE_PLPMTU, FRAME_DATA, FRAME_OVERHEAD, frameType } from "#wire/frame.ts";
import { SimNetwork } from "./sim-network.ts";
import { pair } from "./sim-node.ts";

/** What a frame of the simulation is longer by than a real one: it carries its key, and no tag. */
const SIM_EXTRA = 16;
const UDP_IPV4 = 28;

function scene(mtu = 1500) {
  const network = new SimNetwork(1);
  const nodes = pair(network);
  const path = { mtu };
  const lost = { count: 0 };
  network.filter = (_, __, data) => {
    const length = data.length + UDP_IPV4 - (frameType(data) === FRAME_DATA ? SIM_EXTRA : 0);
    if (length <= path.mtu) return true;
    lost.count++;
    return false;
  };
  nodes.member.connect(nodes.toHost);
  network.runFor(5_000);
  expect(nodes.toHost.session.up && nodes.toMember.session.up).toBe(true);
  /** A packet of `length` from the host each `every` ms, in pieces where datagrams may not be so large. */
  const flow = (length: number, every: number, ms: number): void => {
    const end = network.now + ms;
    const step = (): void => {
      const pieces = Math.ceil(length / (nodes.toMember.datagramLimit! - FRAME_OVERHEAD));
      for (let n = 0; n < pieces; n++) nodes.host.sendMulticast(nodes.toMember, Math.ceil(length / pieces));
      if (network.now < end) network.at(network.now + every, step);
    };
    network.at(network.now, step);
  };
  return { network, path, lost, flow, ...nodes };
}

test.each([1500, 1380, 1280])("both ends find out that the path carries %i bytes", (mtu) => {
  const { toHost, toMember } = scene(mtu);
  for (const peer of [toHost, toMember]) {
    expect(peer.session.path.mtu.state).toBe("SEARCH_COMPLETE");
    expect(peer.datagramLimit).toBe(mtu - UDP_IPV4);
  }
});

test("lost probes are no reason to suspect the peer: nobody shakes hands again", () => {
  const { network, toHost, toMember } = scene(1280);
  const handshakes = network.sent.filter(({ data }) => frameType(data) !== FRAME_DATA);
  expect(handshakes).toHaveLength(2);
  for (const peer of [toHost, toMember])
    expect(peer.events.map(({ event }) => event.type)).not.toContain("lost");
});

test("the path becomes a black hole for large packets in mid-stream: smaller ones within three seconds", () => {
  const { network, path, toMember, flow } = scene();
  flow(1_344, 10, 60_000);
  network.runFor(5_000);
  path.mtu = 1280;
  const took = network.runFor(10_000, () => toMember.datagramLimit! < 1280);
  expect(took).toBeLessThan(3_000);
  network.runFor(10_000);
  expect(toMember.datagramLimit).toBe(1280 - UDP_IPV4);
  path.mtu = 1500;
  expect(network.runFor(40_000, () => toMember.datagramLimit === 1472)).toBeDefined();
});

test("a peer that moves has another path: BASE_PLPMTU until it is known", () => {
  const { network, path, member, toMember, flow } = scene();
  flow(200, 20, 10_000);
  network.runFor(3_000);
  path.mtu = 1400;
  member.moveTo({ address: "203.0.113.9", port: 6000 });
  member.sendMulticast(member.peers.values().next().value!);
  network.runFor(5, () => false);
  network.runFor(20, () => toMember.session.endpoint?.port === 6000);
  expect(toMember.datagramLimit).toBe(BASE_PLPMTU);
  network.runFor(5_000);
  expect(toMember.datagramLimit).toBe(1400 - UDP_IPV4);
});

test("a rekeying changes nothing about the path", () => {
  const { network, toMember, toHost } = scene();
  const limits = new Set<number | undefined>();
  network.runFor(300_000, () => {
    limits.add(toMember.datagramLimit).add(toHost.datagramLimit);
    return false;
  });
  expect(toHost.events.some(({ event }) => event.type === "rekeyed")).toBe(true);
  expect([...limits]).toEqual([1472]);
});

describe("reports of loss", () => {
  test("reach the sender while it sends, and only then", () => {
    const { network, flow, toMember } = scene();
    network.random(); // another place in the sequence
    flow(1_000, 10, 20_000);
    network.runFor(2_000);
    network.path.loss = 0.05;
    network.runFor(8_000);
    expect(toMember.session.path.breaker.loss).toBeGreaterThan(0.01);
    expect(toMember.session.path.breaker.loss).toBeLessThan(0.14);
    network.path.loss = 0;
    network.runFor(20_000);
    const from = network.sent.length;
    network.runFor(15_000);
    expect(network.sent.length - from).toBeLessThan(6);
  });

  test("limit a stream that the path cannot carry, and free it again", () => {
    const { network, flow, toMember, toHost } = scene();
    network.path.loss = 0.6;
    flow(1_000, 5, 120_000);
    expect(network.runFor(30_000, () => toMember.multicastLimit !== undefined)).toBeDefined();
    expect(toMember.multicastLimit).toBeLessThan(1_600_000 * 0.6);
    network.path.loss = 0;
    expect(network.runFor(60_000, () => toMember.multicastLimit === undefined)).toBeDefined();
    expect(toHost.session.path.breaker.state).toBe("closed"); // the member sends nothing
  });

  test("a limit outlives a short pause, and not a long one", () => {
    const { network, flow, toMember } = scene();
    network.path.loss = 0.6;
    flow(1_000, 5, 20_000);
    network.runFor(21_000);
    const limit = toMember.multicastLimit;
    expect(limit).toBeDefined();
    network.path.loss = 0;
    network.runFor(30_000);
    expect(toMember.multicastLimit).toBe(limit);
    network.runFor(40_000);
    expect(toMember.multicastLimit).toBeUndefined();
  });
});

test("in a byte stream there is no size to find out; back on UDP there is", () => {
  const { network, toHost, host } = scene(1280);
  const { mtu } = toHost.session.path;
  toHost.session.handlePeerMoved({ ...host.endpoint, stream: 3 }, network.now);
  expect(mtu.state).toBe("DISABLED");
  toHost.session.handlePeerMoved(host.endpoint, network.now);
  expect([mtu.state, mtu.limit]).toEqual(["BASE", BASE_PLPMTU]);
});

test("a black hole for large packets is no congestion: the breaker stays out of it", () => {
  for (let shift = 0; shift < 1_000; shift += 90) {
    const { network, path, toMember, flow } = scene();
    flow(1_344, 5, 30_000);
    network.runFor(4_000 + shift);
    path.mtu = 1280;
    const limited = network.runFor(15_000, () => toMember.multicastLimit !== undefined);
    expect(limited).toBeUndefined();
    expect(toMember.datagramLimit).toBeLessThan(1280);
  }
});

test("a path that loses nearly all is congested all the same, whatever sizes came last", () => {
  const { network, toMember, flow } = scene();
  network.filter = (from) => from.port === 5000 || network.random() > 0.85;
  flow(1_000, 5, 60_000);
  expect(network.runFor(60_000, () => toMember.multicastLimit !== undefined)).toBeDefined();
});
