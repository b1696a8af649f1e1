import { expect, test } from "vitest";
import type { StreamTarget } from "#protocol/session/session-types.ts";
import { FRAME_HANDSHAKE_INITIATION, frameType } from "#wire/frame.ts";
import { SimNetwork } from "./sim-network.ts";
import { names, pair, type Peer } from "./sim-node.ts";

const target = (port: number): StreamTarget => ({ kind: "tcp", host: "192.0.2.1", port, proxied: false });
const isUdp = (peer: Peer): boolean =>
  peer.session.endpoint !== undefined && peer.session.endpoint.stream === undefined;
const isStream = (peer: Peer): boolean => peer.session.endpoint?.stream !== undefined;

/** A member whose host also takes streams. */
function scene(seed = 1, targets: readonly StreamTarget[] = [target(4000)]) {
  const network = new SimNetwork(seed);
  const nodes = pair(network);
  nodes.toHost.session.setStreamTargets(targets);
  const udp = { blocked: false };
  network.filter = () => !udp.blocked;
  return { network, udp, ...nodes };
}

/** Connected by a stream, as UDP does not pass. */
function onStream(seed = 1) {
  const all = scene(seed);
  all.udp.blocked = true;
  all.member.connect(all.toHost);
  all.network.runFor(3_000, () => all.toHost.session.up && all.toMember.session.up);
  expect([isStream(all.toHost), isStream(all.toMember)]).toEqual([true, true]);
  return all;
}

/** A packet every 10 ms from host to member. Returns how many were sent. */
function flow({ network, host, toMember }: ReturnType<typeof scene>, ms: number): () => number {
  const end = network.now + ms;
  let sent = 0;
  const step = (): void => {
    host.sendMulticast(toMember);
    sent++;
    if (network.now < end) network.at(network.now + 10, step);
  };
  network.at(network.now, step);
  return () => sent;
}

test("where UDP answers, no stream is opened", () => {
  const { network, member, toHost } = scene();
  member.connect(toHost);
  network.runFor(600_000);
  expect(toHost.session.up).toBe(true);
  expect(network.streams.opened).toBe(0);
});

test("UDP that does not answer for 1.5 s: up by a stream a few round trips later", () => {
  const { network, udp, member, toHost, toMember } = scene();
  udp.blocked = true;
  member.connect(toHost);
  const took = network.runFor(10_000, () => toHost.session.up && toMember.session.up);
  expect(took).toBeGreaterThan(1_500);
  expect(took).toBeLessThan(1_700);
  network.runFor(1_000);
  expect([names(toHost).slice(0, 2), names(toMember).slice(0, 2)]).toEqual([
    ["established", "ready"],
    ["established", "ready"],
  ]);
});

test("the first stream that completes the handshake wins, and the others are closed", () => {
  const { network, udp, member, toHost } = scene(1, [1, 2, 3, 4].map(target));
  udp.blocked = true;
  // The first refuses, the second is somebody who says nothing, at the third nobody is at home.
  network.streams.answer = ({ port }) => (port === 1 ? "refused" : port === 3 ? "silence" : "open");
  const host = network.socket({ address: "192.0.2.1", port: 4000 })!;
  network.bind({ address: "192.0.2.1", port: 4 }, host);
  member.connect(toHost);
  expect(network.runFor(10_000, () => toHost.session.up)).toBeLessThan(2_000);
  expect(toHost.session.endpoint).toMatchObject({ port: 4 });
  network.runFor(1_000);
  expect(network.streams.opened).toBe(2);
  expect(network.streams.size).toBe(2); // both ends of one
  expect(member.abandoned.size).toBe(1);
});

test("nobody answers at all: rounds of streams, farther and farther apart, and few are open at a time", () => {
  const { network, udp, member, toHost } = scene(1, [1, 2, 3].map(target));
  udp.blocked = true;
  member.connect(toHost);
  let most = 0;
  network.runFor(30_000, () => ((most = Math.max(most, network.streams.size)), false));
  const early = network.streams.opened;
  network.runFor(300_000);
  expect(early).toBeGreaterThan(8);
  expect(most).toBeLessThanOrEqual(6);
  expect(network.streams.opened - early).toBeLessThan(40);
});

test("on a stream UDP is asked again: after a second, then less often, and answered within 10 s at any time", () => {
  for (const blockedFor of [500, 5_000, 60_000, 700_000]) {
    const { network, udp, toHost, toMember } = onStream();
    network.runFor(blockedFor);
    const calls = network.sent.filter(({ data }) => frameType(data) === FRAME_HANDSHAKE_INITIATION);
    expect(calls.length).toBeLessThan(20 + blockedFor / 5_000);
    udp.blocked = false;
    expect(network.runFor(20_000, () => isUdp(toHost) && isUdp(toMember))).toBeLessThan(8_000);
    network.runFor(30_000);
    expect(network.streams.size).toBe(0); // left open for a while, then closed
    expect(names(toHost)).not.toContain("lost");
  }
});

test("another network: UDP is asked at once", () => {
  const { network, udp, member, toHost } = onStream();
  network.runFor(60_000);
  udp.blocked = false;
  toHost.session.handleNetworkChanged(network.now);
  member.drain(toHost);
  expect(network.runFor(5_000, () => isUdp(toHost))).toBeLessThan(100);
});

test("what is still in a slow stream arrives after the session has gone back to UDP, all of it once", () => {
  const all = onStream();
  const { network, udp, toHost, toMember } = all;
  const sent = flow(all, 40_000);
  while (network.streams.latency < 2_000) {
    network.runFor(1_000); // a queue on the way that grows
    network.streams.latency += 100;
  }
  udp.blocked = false;
  expect(network.runFor(10_000, () => isUdp(toHost) && isUdp(toMember))).toBeDefined();
  network.runFor(30_000);
  expect(toHost.fast.delivered).toBe(sent());
  expect(toHost.fast.rejected).toBe(0);
  expect([isUdp(toHost), isUdp(toMember)]).toEqual([true, true]);
});

test.each([true, false])(
  "UDP blocked in mid-stream: on a stream within 3 s (the member sends: %s)",
  (sends) => {
    const all = scene();
    const { network, udp, host, member, toHost, toMember } = all;
    member.connect(toHost);
    network.runFor(1_000);
    const [from, to] = sends ? [member, toHost] : [host, toMember];
    const end = network.now + 30_000;
    const step = (): void => {
      from.sendMulticast(to);
      if (network.now < end) network.at(network.now + 10, step);
    };
    step();
    network.runFor(4_000);
    udp.blocked = true;
    const there = sends ? toMember : toHost;
    const before = there.fast.delivered;
    expect(network.runFor(5_000, () => there.fast.delivered > before + 10)).toBeLessThan(2_500);
    network.runFor(20_000);
    expect(names(toHost)).not.toContain("lost");
  },
);

test("a stream that has gone dead without a word is noticed within 10 s, and replaced", () => {
  const { network, toHost, toMember } = onStream();
  network.runFor(60_000);
  const dead = toHost.session.endpoint!.stream!;
  network.streams.alive = (stream) => stream > dead + 1;
  const took = network.runFor(30_000, () => (toHost.session.endpoint?.stream ?? 0) > dead + 1);
  expect(took).toBeLessThan(10_000);
  network.runFor(1_000);
  expect([isStream(toHost), isStream(toMember)]).toEqual([true, true]);
  expect(names(toHost)).not.toContain("lost");
});

test("an idle stream is kept in use, and costs little", () => {
  const { network, member } = onStream();
  network.runFor(10_000);
  const before = member.wakes;
  network.runFor(60_000);
  expect(member.wakes - before).toBeLessThan(120);
});

test("a stream that is cut is opened anew at once", () => {
  const { network, toHost } = onStream();
  network.runFor(10_000);
  network.streams.cut();
  const before = network.streams.opened;
  expect(network.runFor(5_000, () => network.streams.opened > before)).toBeLessThan(100);
  network.runFor(1_000);
  expect(toHost.session.up && isStream(toHost)).toBe(true);
  expect(names(toHost)).not.toContain("lost");
});

test("UDP that passes one way alone does not lure the session away from its stream, or out of its keys", () => {
  const all = onStream();
  const { network, member, toHost, toMember } = all;
  network.filter = (from) => from.address === member.endpoint.address;
  const sent = flow(all, 100_000);
  network.runFor(101_000);
  expect([isStream(toHost), isStream(toMember)]).toEqual([true, true]);
  expect(toHost.fast.delivered).toBe(sent());
  expect(names(toHost)).not.toContain("lost");
});

test("keys are renewed on a stream without a lost packet", () => {
  const all = onStream();
  const { network, toHost } = all;
  const sent = flow(all, 300_000);
  network.runFor(301_000);
  expect(names(toHost).filter((name) => name === "rekeyed").length).toBe(2);
  expect(toHost.fast.delivered).toBe(sent());
  expect(network.streams.opened).toBe(1);
});

test("a member whose stream has ended and that opens no other one is missed after two seconds", () => {
  const { network, member, toMember } = onStream();
  network.runFor(10_000);
  member.kill();
  network.streams.cut();
  expect(network.runFor(20_000, () => names(toMember).includes("lost"))).toBeLessThan(3_000);
});

test("goodbye closes every stream", () => {
  const { network, member, toHost } = onStream();
  toHost.session.close("bye", network.now);
  member.drain(toHost);
  network.runFor(1_000);
  expect(network.streams.size).toBe(0);
});

test("a restarted host is found again by a stream", () => {
  const { network, host, toHost } = onStream();
  network.streams.cut();
  host.kill();
  network.runFor(5_000);
  network.bind(host.endpoint, host);
  expect(network.runFor(30_000, () => isStream(toHost) && toHost.session.up)).toBeDefined();
});
