import { expect, test } from "vitest";
import { encodeControl } from "#wire/control.ts";
import { FRAME_HANDSHAKE_INITIATION, frameType } from "#wire/frame.ts";
import { SimNetwork } from "./sim-network.ts";
import { names, pair, PSK, SimNode } from "./sim-node.ts";

function connected(seed = 1) {
  const network = new SimNetwork(seed);
  const nodes = pair(network);
  nodes.member.connect(nodes.toHost);
  network.runFor(200);
  expect(nodes.toHost.session.up && nodes.toMember.session.up).toBe(true);
  return { network, ...nodes };
}

/** A flow from the host to the member, a packet every 10 ms, until the time is over. */
function flow(
  network: SimNetwork,
  from: SimNode,
  to: () => Parameters<SimNode["sendMulticast"]>[0],
  ms: number,
) {
  const end = network.now + ms;
  const step = () => {
    from.sendMulticast(to());
    if (network.now < end) network.at(network.now + 10, step);
  };
  network.at(network.now, step);
}

test("connects in two round trips, both sides ready, with the same cipher", () => {
  const { toHost, toMember } = connected();
  expect(names(toHost)).toEqual(["established", "ready", "rtt"]);
  expect(names(toMember)).toEqual(["established", "ready"]);
  const event = toHost.events[0]!.event;
  expect(event).toMatchObject({ cipher: "aes-256-gcm", initiator: true, pending: false });
  const rtt = toHost.events.at(-1)!.event;
  expect(rtt.type === "rtt" && rtt.ms).toBeCloseTo(20, 1); // stamps of one microsecond run ahead of the clock
});

test("ChaCha20-Poly1305 where one side has no AES instructions", () => {
  const network = new SimNetwork(1);
  const { host, member, toMember } = pair(network);
  const slow = member.addPeer(host.keys.publicKey, [host.endpoint], { hasAes: false });
  member.connect(slow);
  network.runFor(200);
  for (const peer of [slow, toMember])
    expect(peer.events[0]!.event).toMatchObject({ type: "established", cipher: "chacha20-poly1305" });
});

test("the host's clock reaches the member", () => {
  const { toHost } = connected();
  const { event } = toHost.events[0]!;
  expect(event).toMatchObject({ peerWallMs: 1_800_000_001_010 });
});

test("rekeys after 120 s without a lost packet, and goes on for an hour", () => {
  const { network, host, member, toHost, toMember } = connected();
  flow(network, host, () => toMember, 300_000);
  network.runFor(301_000);
  expect(toHost.fast.delivered).toBe(30_001);
  expect(toMember.events.filter(({ event }) => event.type === "rekeyed").length).toBe(2);
  network.runFor(3_600_000);
  expect(names(toHost)).not.toContain("lost");
  expect(names(toMember)).not.toContain("lost");
  expect(member.indices.size).toBeLessThanOrEqual(2);
  expect(host.indices.size).toBeLessThanOrEqual(2);
});

test("an idle session wakes seldom and keeps its mapping alive", () => {
  const { network, host, member } = connected();
  network.runFor(10_000);
  host.wakes = member.wakes = 0;
  const from = network.sent.length;
  network.runFor(600_000);
  expect(member.wakes).toBeLessThan(90); // 40 checks, and a ping a minute with its answers and a look after each
  expect(host.wakes).toBeLessThan(90);
  const sentAt = network.sent.slice(from).filter((frame) => frame.from.startsWith("198."));
  for (const [i, frame] of sentAt.entries())
    if (i > 0) expect(frame.at - sentAt[i - 1]!.at).toBeLessThanOrEqual(20_000);
});

test("the host is killed in mid-stream and comes back: two seconds", () => {
  for (const downFor of [300, 700, 1_200]) {
    const { network, host, member, toHost, toMember } = connected();
    flow(network, host, () => toMember, 3_000);
    network.runFor(3_000);
    host.kill();
    const killedAt = network.now;
    network.runFor(downFor);
    // A new process with the same key and nothing else; it does not even call its members.
    const again = new SimNode(network, host.endpoint, 1, 1);
    const back = again.addPeer(member.keys.publicKey, []);
    network.runFor(10_000, () => back.session.up && toHost.session.peerHello!.incarnation === 1001);
    expect(back.session.up).toBe(true);
    expect(network.now - killedAt).toBeLessThan(2_000);
    expect(toHost.events.some(({ event }) => event.type === "ready" && event.restarted)).toBe(true);
    expect(names(toHost)).not.toContain("lost");
  }
});

test("the restarted host calls its members itself: at once, with no traffic at all", () => {
  const { network, host, member, toHost } = connected();
  network.runFor(60_000);
  host.kill();
  const again = new SimNode(network, host.endpoint, 1, 1);
  const back = again.addPeer(member.keys.publicKey, [member.endpoint], { giveUpAfter: 90_000 });
  again.connect(back);
  const took = network.runFor(2_000, () => back.session.up && toHost.session.peerHello!.incarnation === 1001);
  expect(took).toBeLessThan(100);
});

test("both call at the same moment: one session, both ways", () => {
  const network = new SimNetwork(3);
  const { host, member, toHost } = pair(network);
  const toMember = host.addPeer(member.keys.publicKey, [member.endpoint]);
  member.connect(toHost);
  host.connect(toMember);
  network.runFor(1_000);
  host.sendMulticast(toMember);
  member.sendMulticast(toHost);
  network.runFor(1_000);
  expect([toHost.fast.delivered, toMember.fast.delivered]).toEqual([1, 1]);
  expect([toHost.session.dialing, toMember.session.dialing]).toEqual([false, false]);
  expect(names(toHost).filter((name) => name === "established")).toEqual(["established"]);
});

test("the member moves in mid-stream: the stream follows within a second, with and without being told", () => {
  for (const told of [true, false]) {
    const { network, host, member, toHost, toMember } = connected();
    flow(network, host, () => toMember, 6_000);
    network.runFor(3_000);
    member.moveTo({ address: "203.0.113.9", port: 6000 });
    if (told) {
      toHost.session.handleNetworkChanged(network.now);
      member.drain(toHost);
    }
    const before = toHost.fast.delivered;
    const took = network.runFor(3_000, () => toHost.fast.delivered > before + 1);
    expect(took).toBeLessThan(told ? 100 : 1_000);
    expect(toMember.session.endpoint).toEqual(member.endpoint);
    expect(names(toMember)).toContain("moved");
  }
});

test("the host moves while it sends: it is heard and answered at its new address", () => {
  const { network, host, toHost, toMember } = connected();
  host.moveTo({ address: "192.0.2.77", port: 4000 });
  flow(network, host, () => toMember, 100);
  network.runFor(500);
  expect(toHost.session.endpoint).toEqual(host.endpoint);
});

test("10 % loss, reordering and duplicates: the session holds for ten minutes", () => {
  const { network, host, toHost, toMember } = connected(7);
  Object.assign(network.path, { loss: 0.1, duplicates: 0.05, jitter: 60 });
  flow(network, host, () => toMember, 600_000);
  network.runFor(601_000);
  expect(toHost.fast.delivered).toBeGreaterThan(60_001 * 0.88);
  expect(toHost.fast.delivered).toBeLessThan(60_001 * 0.92); // no duplicate was delivered
  expect(names(toHost)).not.toContain("lost");
  expect(names(toMember)).not.toContain("lost");
});

test("connects through 50 % loss", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const network = new SimNetwork(seed);
    network.path.loss = 0.5;
    const { member, toHost, toMember } = pair(network);
    member.connect(toHost);
    expect(network.runFor(30_000, () => toHost.session.up && toMember.session.up)).toBeDefined();
  }
});

test("candidates are tried 100 ms apart, and the one that answers is kept", () => {
  const network = new SimNetwork(1);
  const host = new SimNode(network, { address: "192.0.2.1", port: 4000 }, 1);
  const member = new SimNode(network, { address: "198.51.100.7", port: 5000 }, 2);
  host.addPeer(member.keys.publicKey, []);
  const dead = [1, 2].map((n) => ({ address: `203.0.113.${n}`, port: 4000 }));
  const toHost = member.addPeer(host.keys.publicKey, [...dead, host.endpoint]);
  const start = network.now;
  member.connect(toHost);
  expect(network.runFor(1_000, () => toHost.session.up)).toBe(220);
  expect(network.sent.slice(0, 3).map(({ at, to }) => [at - start, to])).toEqual([
    [0, "203.0.113.1:4000"],
    [100, "203.0.113.2:4000"],
    [200, "192.0.2.1:4000"],
  ]);
  expect(toHost.session.endpoint).toEqual(host.endpoint);
});

test("retries thin out, and a host gives up on a member that is away", () => {
  const network = new SimNetwork(1);
  const { member, toHost } = pair(network);
  network.filter = () => false;
  member.connect(toHost);
  network.runFor(600_000);
  const times = network.sent.map(({ at }) => at);
  expect(times.filter((at) => at < 22_000).length).toBeGreaterThan(16);
  expect(times.filter((at) => at > 300_000).length).toBeLessThan(14);
  const host = new SimNode(network, { address: "192.0.2.9", port: 4000 }, 3);
  const away = host.addPeer(member.keys.publicKey, [member.endpoint], { giveUpAfter: 90_000 });
  host.connect(away);
  network.runFor(300_000);
  expect(names(away)).toEqual(["gave-up"]);
  expect(away.session.pollTimeout()).toBeUndefined();
  expect(host.indices.size).toBe(0);
});

test("silence: lost after ten seconds, resumed by the same keys when the path is back", () => {
  const { network, toHost, toMember } = connected();
  network.runFor(20_000);
  network.filter = () => false;
  network.runFor(80_000);
  expect(names(toHost).at(-1)).toBe("lost");
  network.filter = () => true;
  network.runFor(32_000);
  expect(toHost.session.up && toMember.session.up).toBe(true);
});

test("silence longer than the keys live: they are cleared, and a new handshake brings the session back", () => {
  const { network, toHost, toMember } = connected();
  network.filter = () => false;
  network.runFor(400_000);
  expect(toHost.fast.keyed || toMember.fast.keyed).toBe(false);
  network.filter = () => true;
  network.runFor(60_000);
  expect(toHost.session.up && toMember.session.up).toBe(true);
});

test("close: the other side knows the reason; one that was removed does not call again", () => {
  for (const reason of ["removed", "restarting"] as const) {
    const { network, host, toHost, toMember } = connected();
    toMember.session.close(reason, network.now);
    host.drain(toMember);
    host.authorize = () => undefined;
    const from = network.sent.length;
    network.runFor(5_000);
    expect(toHost.events.at(-1)!.event).toEqual({ type: "lost", reason });
    expect(toHost.fast.keyed || toMember.fast.keyed).toBe(false);
    const calls = network.sent
      .slice(from)
      .filter(({ data }) => frameType(data) === FRAME_HANDSHAKE_INITIATION);
    expect(calls.length > 0).toBe(reason === "restarting");
  }
});

test.each(["expired", "used-up", "revoked", "removed", "full"] as const)(
  "an invite that is %s: the joiner learns so, gets no keys and stops",
  (status) => {
    const network = new SimNetwork(1);
    const { host, member } = pair(network);
    host.peers.clear();
    const invite = new Uint8Array(8).fill(9);
    host.authorize = (_key, id) => (id?.toHex() === invite.toHex() ? { psk: PSK, status } : undefined);
    const joiner = member.addPeer(host.keys.publicKey, [host.endpoint], { inviteId: invite });
    member.connect(joiner);
    network.runFor(60_000);
    expect(joiner.events.map(({ event }) => event)).toEqual([
      { type: "refused", status, peerWallMs: 1_800_000_001_010 },
    ]);
    expect(joiner.fast.keyed).toBe(false);
    expect(network.sent.length).toBe(2);
    expect(member.indices.size).toBe(0);
  },
);

test("pending approval gives keys, and says so on both sides", () => {
  const network = new SimNetwork(1);
  const { host, member, toHost, toMember } = pair(network);
  host.authorize = () => ({ psk: PSK, status: "pending-approval" });
  member.connect(toHost);
  network.runFor(200);
  for (const peer of [toHost, toMember])
    expect(peer.events[0]!.event).toMatchObject({ type: "established", pending: true });
});

test("a wrong secret: the joiner cannot read the answer, and nothing is established", () => {
  const network = new SimNetwork(1);
  const { member, host, toMember } = pair(network);
  const wrong = member.addPeer(host.keys.publicKey, [host.endpoint], { psk: new Uint8Array(32).fill(1) });
  member.connect(wrong);
  network.runFor(5_000);
  expect(names(wrong)).toEqual([]);
  expect(names(toMember)).toEqual([]);
});

test("garbage in control messages is counted and harms nothing", () => {
  const { network, toHost } = connected();
  const { session, fast } = toHost;
  const before = names(toHost).length;
  session.handleControl(Uint8Array.of(200, 0, 0, 1, 7), network.now, fast.traffic); // a type that we do not know
  session.handleControl(Uint8Array.of(2, 0, 0, 1, 7), network.now, fast.traffic); // a ping without a stamp
  session.handleControl(Uint8Array.of(2, 0, 0xff, 0xff), network.now, fast.traffic); // a length beyond the end
  session.handleControl(encodeControl({ type: "pong", stamp: 5 }).subarray(0, 5), network.now, fast.traffic);
  expect(session.counters).toEqual({ malformed: 3, unknown: 1 });
  expect(names(toHost).length).toBe(before);
});
