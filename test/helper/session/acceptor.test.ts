import * as fc from "fast-check";
import { expect, test } from "vitest";
import { keyPair } from "#noise/x25519.ts";
import { Acceptor, type AcceptResult, type Authorize } from "#protocol/session/acceptor.ts";
import { Initiation } from "#protocol/session/initiation.ts";
import { HandshakeLoad, LOAD_THRESHOLD } from "#protocol/session/load.ts";
import { HandshakeClock } from "#protocol/session/timestamp.ts";
import type { Caller } from "#wire/frame-handshake-payload.ts";
import { COOKIE_REPLY_LENGTH, INITIATION_LENGTH } from "#wire/frame-handshake.ts";
import { seeded, SimNetwork } from "./sim-network.ts";
import { names, pair, PSK, SimNode } from "./sim-node.ts";

const HOST = keyPair(new Uint8Array(32).fill(1));
const MEMBER = keyPair(new Uint8Array(32).fill(2));
const FROM = { address: "198.51.100.7", port: 5000 };
const random = seeded(99);
const entropy = { bytes: (length: number) => Uint8Array.from({ length }, () => Math.floor(random() * 256)) };

function acceptor(authorize: Authorize = () => ({ psk: PSK, status: "ok" }), now = 0) {
  let next = 1;
  const clock = new HandshakeClock(1_000_000, now);
  const takeIndex = () => next++;
  return new Acceptor({ localStatic: HOST, hasAes: true, entropy, clock, authorize, takeIndex, now });
}

const clock = new HandshakeClock(2_000_000, 0);
function initiation(now = 0, timestamp = clock.next(now), caller: Caller = "guest") {
  return new Initiation({
    localStatic: MEMBER,
    remoteStatic: HOST.publicKey,
    psk: PSK,
    inviteId: undefined,
    caller,
    hasAes: true,
    localIndex: 77,
    ephemeral: entropy.bytes(32),
    timestamp,
  });
}

function reason(result: AcceptResult): string {
  return result.type === "dropped" ? result.reason : result.type;
}

test("the keys of both sides fit", () => {
  const call = initiation();
  const result = acceptor().handleInitiation(call.datagram(undefined), FROM, 0);
  if (result.type !== "accepted") throw new Error(reason(result));
  const answer = call.readResponse(result.response);
  expect(answer?.keys?.sendKey).toEqual(result.keys?.receiveKey);
  expect(answer?.keys?.receiveKey).toEqual(result.keys?.sendKey);
  expect(answer?.keys).toMatchObject({ localIndex: 77, remoteIndex: 1, cipher: "aes-256-gcm" });
  expect(result.keys).toMatchObject({ localIndex: 1, remoteIndex: 77 });
  expect(call.readResponse(result.response)).toBeUndefined(); // an answer counts once
});

test("an answer is never longer than the call", () => {
  const call = initiation().datagram(undefined);
  const result = acceptor().handleInitiation(call, FROM, 0);
  if (result.type !== "accepted") throw new Error(reason(result));
  expect(result.response.length).toBeLessThanOrEqual(call.length);
  expect(COOKIE_REPLY_LENGTH).toBeLessThanOrEqual(INITIATION_LENGTH);
});

test("any changed byte is refused, most of them before any public key work", () => {
  const call = initiation().datagram(undefined);
  const reasons = new Set<string>();
  for (let i = 0; i < call.length - 16; i++) {
    const changed = call.slice();
    changed[i]! ^= 1;
    reasons.add(reason(acceptor().handleInitiation(changed, FROM, 0)));
  }
  expect([...reasons].sort()).toEqual(["mac1", "malformed"]);
});

test("a changed answer is not taken", () => {
  for (let i = 0; i < 88; i++) {
    const call = initiation();
    const result = acceptor().handleInitiation(call.datagram(undefined), FROM, 0);
    if (result.type !== "accepted") throw new Error(reason(result));
    result.response[i]! ^= 1;
    expect(call.readResponse(result.response)).toBeUndefined();
  }
});

test("a replayed initiation, and an older one of the same peer, are dropped", () => {
  const host = acceptor();
  const [old, first, second] = [initiation(0), initiation(0), initiation(0)].map((i) =>
    i.datagram(undefined),
  );
  expect(reason(host.handleInitiation(first!, FROM, 0))).toBe("accepted");
  expect(reason(host.handleInitiation(first!, { address: "203.0.113.66", port: 1 }, 5))).toBe("replay");
  expect(reason(host.handleInitiation(old!, FROM, 5))).toBe("replay");
  expect(reason(host.handleInitiation(second!, FROM, 5))).toBe("accepted");
});

test("a stranger's timestamp is not remembered: the table holds authorized peers alone", () => {
  let known = false;
  const host = acceptor(() => (known ? { psk: PSK, status: "ok" } : undefined));
  const call = initiation().datagram(undefined);
  expect(reason(host.handleInitiation(call, FROM, 0))).toBe("stranger");
  known = true;
  expect(reason(host.handleInitiation(call, FROM, 1))).toBe("accepted");
});

test("two hosts that are guests of each other have a call for each network, and neither replays the other", () => {
  const asked: Caller[] = [];
  const host = acceptor(({ caller }) => {
    asked.push(caller);
    return { psk: PSK, status: "ok" };
  });
  const [earlier, later] = [clock.next(0), clock.next(0)];
  const calls = [
    initiation(0, later, "host"),
    initiation(0, earlier),
    initiation(0, earlier, "static"),
    initiation(0, earlier, "host"),
  ];
  const results = calls.map((call) => host.handleInitiation(call.datagram(undefined), FROM, 0));
  expect(results.map(reason)).toEqual(["accepted", "accepted", "accepted", "replay"]);
  expect(asked).toEqual(["host", "guest", "static"]);
  expect(results[0]).toMatchObject({ caller: "host" });
});

test("our own initiation, reflected, is no peer", () => {
  const own = new Initiation({
    localStatic: HOST,
    remoteStatic: HOST.publicKey,
    psk: PSK,
    inviteId: undefined,
    hasAes: true,
    localIndex: 1,
    ephemeral: entropy.bytes(32),
    timestamp: clock.next(0),
  });
  expect(reason(acceptor().handleInitiation(own.datagram(undefined), FROM, 0))).toBe("own-key");
});

test("arbitrary bytes never throw and never get an answer", () => {
  const host = acceptor();
  const valid = initiation().datagram(undefined);
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .tuple(fc.integer({ min: 4, max: valid.length - 17 }), fc.integer({ min: 1, max: 255 }))
      .map(([at, bits]) => {
        const changed = valid.slice();
        changed[at]! ^= bits;
        return changed;
      }),
  );
  fc.assert(
    fc.property(anything, (bytes) => {
      if (bytes.length >= INITIATION_LENGTH) bytes.set([1, 0, 0, 0]);
      return ["malformed", "mac1"].includes(reason(host.handleInitiation(bytes, FROM, 0)));
    }),
    { numRuns: 2_000 },
  );
});

test("under load a caller has to show a cookie, made for its address and port", () => {
  const host = acceptor();
  for (let i = 0; i < LOAD_THRESHOLD; i++) host.handleInitiation(initiation().datagram(undefined), FROM, 0);
  const call = initiation();
  const result = host.handleInitiation(call.datagram(undefined), FROM, 0);
  if (result.type !== "cookie") throw new Error(reason(result));
  expect(result.to).toEqual(FROM);
  expect(initiation().readCookie(result.data)).toBeUndefined(); // another call's reply
  const cookie = call.readCookie(result.data);
  const withCookie = call.datagram(cookie);
  expect(reason(host.handleInitiation(withCookie, { ...FROM, port: 5001 }, 1))).toBe("cookie");
  expect(reason(host.handleInitiation(withCookie, { ...FROM, address: "198.51.100.8" }, 1))).toBe("cookie");
  expect(reason(host.handleInitiation(withCookie, FROM, 1))).toBe("accepted");
  expect(reason(host.handleInitiation(initiation().datagram(undefined), FROM, 5_000))).toBe("accepted");
});

test("a cookie ends with the second change of the secret", () => {
  const host = acceptor();
  const load = (now: number) => {
    for (let i = 0; i <= LOAD_THRESHOLD; i++)
      host.handleInitiation(initiation().datagram(undefined), FROM, now);
  };
  load(0);
  const call = initiation();
  const result = host.handleInitiation(call.datagram(undefined), FROM, 0);
  if (result.type !== "cookie") throw new Error(reason(result));
  const cookie = call.readCookie(result.data);
  load(121_000);
  expect(reason(host.handleInitiation(initiation(121_000).datagram(cookie), FROM, 121_000))).toBe("accepted");
  load(242_000);
  expect(reason(host.handleInitiation(initiation(242_000).datagram(cookie), FROM, 242_000))).toBe("cookie");
});

test("one address cannot take more than its share under load, and the table of addresses is bounded", () => {
  const load = new HandshakeLoad(0);
  const admitted = Array.from({ length: 100 }, () => load.admit("198.51.100.7", 0)).filter(Boolean);
  expect(admitted.length).toBe(20);
  expect(load.admit("198.51.100.8", 0)).toBe(true);
  expect(load.admit("2001:db8::1", 0)).toBe(true);
  for (let i = 0; i < 20; i++) load.admit(`2001:db8::${i}`, 0);
  expect(load.admit("2001:db8::ffff", 0)).toBe(false); // the same /64
  for (let i = 0; i < 20_000; i++) load.admit(`2001:db8:${i.toString(16)}::1`, 1);
  expect(load.sources).toBe(4_096);
});

/** `rate` initiations a second by somebody who knows the host's public key, and as many of pure garbage. */
function flood(network: SimNetwork, host: SimNode, ms: number, rate: number) {
  const key = keyPair(new Uint8Array(32).fill(66));
  const theirs = new HandshakeClock(3_000_000, 0);
  const end = network.now + ms;
  const step = (n: number) => {
    const call = new Initiation({
      localStatic: key,
      remoteStatic: host.keys.publicKey,
      psk: PSK,
      inviteId: undefined,
      hasAes: true,
      localIndex: n + 1,
      ephemeral: entropy.bytes(32),
      timestamp: theirs.next(network.now),
    });
    const from = { address: "203.0.113.66", port: 1024 + (n % 5_000) };
    network.send(from, host.endpoint, call.datagram(undefined));
    const garbage = entropy.bytes(INITIATION_LENGTH);
    garbage.set([1 + (n % 4), 0, 0, 0]);
    network.send(from, host.endpoint, garbage);
    if (network.now < end) network.at(network.now + 1_000 / rate, () => step(n + 1));
  };
  network.at(network.now, () => step(0));
}

test("100 handshakes a second from strangers, and as much garbage: they get no answer at all", () => {
  const network = new SimNetwork(6);
  const { host } = pair(network);
  flood(network, host, 8_000, 100);
  network.runFor(10_000);
  expect(network.sent.filter(({ to }) => to.startsWith("203.0.113.66"))).toEqual([]);
  expect(host.drops.get("stranger")).toBeGreaterThan(700);
});

test("a flood of strangers: they get no answer but cookies, and the member is served, new calls included", () => {
  const network = new SimNetwork(5);
  const { host, member, toHost, toMember } = pair(network);
  flood(network, host, 8_000, 250);
  network.runFor(3_000);
  member.connect(toHost);
  expect(network.runFor(3_000, () => toMember.session.up)).toBeLessThan(200);
  network.runFor(110_000);
  flood(network, host, 12_000, 250); // in the middle of it the keys grow old
  network.runFor(15_000);
  expect(names(toHost).filter((name) => name === "rekeyed").length).toBe(1);
  expect(names(toHost)).not.toContain("lost");
  expect(host.cookiesSent).toBeGreaterThan(0);
  const answers = network.sent.filter(({ to }) => to.startsWith("203.0.113.66"));
  expect(answers.every(({ data }) => data[0] === 3)).toBe(true);
  expect(host.drops.get("stranger")).toBeGreaterThan(0);
  expect(host.drops.get("mac1")).toBeGreaterThan(0);
});

test("a stranger gets not one byte", () => {
  const network = new SimNetwork(5);
  const { host } = pair(network);
  const stranger = new SimNode(network, { address: "203.0.113.5", port: 1 }, 9);
  const peer = stranger.addPeer(host.keys.publicKey, [host.endpoint]);
  stranger.connect(peer);
  network.runFor(60_000);
  expect(network.sent.length).toBeGreaterThan(20);
  expect(network.sent.every(({ from }) => from.startsWith("203."))).toBe(true);
  expect(host.indices.size).toBe(0);
});

test("initiations recorded and sent again, to a restarted host too, disturb nothing", () => {
  const network = new SimNetwork(5);
  const { member, toHost, host, toMember } = pair(network);
  const recorded: Uint8Array[] = [];
  network.filter = (_from, _to, data) => (data[0] === 1 && recorded.push(data), true);
  member.connect(toHost);
  network.runFor(500);
  const attacker = { address: "203.0.113.66", port: 1 };
  network.filter = () => true;
  for (const data of recorded) network.send(attacker, host.endpoint, data);
  network.runFor(500);
  expect(host.drops.get("replay")).toBeGreaterThan(0);
  expect(toMember.session.endpoint).toEqual(member.endpoint);
  host.kill();
  const again = new SimNode(network, host.endpoint, 1, 1);
  const back = again.addPeer(member.keys.publicKey, [member.endpoint]);
  network.send(attacker, host.endpoint, recorded[0]!); // the new process has forgotten the timestamp
  network.runFor(100);
  expect(back.session.up).toBe(false); // the answer went to the attacker, who cannot read it
  again.connect(back);
  expect(network.runFor(2_000, () => back.session.up)).toBeDefined();
  expect(back.session.endpoint).toEqual(member.endpoint);
});
