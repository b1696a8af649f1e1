import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ANY_SOURCE, sameFilter, type SourceFilter } from "#protocol/membership/source-filter.ts";
import { MEMBERSHIP } from "#protocol/session/membership-topic.ts";
import { NETWORK } from "#protocol/session/network-topic.ts";
import { SoftStateReceiver } from "#protocol/session/soft-state-receiver.ts";
import { SoftStateSender } from "#protocol/session/soft-state-sender.ts";
import type { Topic } from "#protocol/session/soft-state-topic.ts";
import { decodeControl, encodeControl, type ControlMessage } from "#wire/control.ts";
import type { NetworkEntry } from "#wire/control-network.ts";
import { SimNetwork } from "./sim-network.ts";

const A = { address: "192.0.2.1", port: 1 };
const B = { address: "192.0.2.2", port: 1 };

/** A sender at A and a receiver at B, over the wire format. */
function link<Value>(network: SimNetwork, topic: Topic<Value>, incarnation = 1) {
  const sender = new SoftStateSender(topic, incarnation);
  const receiver = new SoftStateReceiver(topic);
  const deliver = (data: Uint8Array) => {
    for (const message of decodeControl(data).messages) {
      if (message.type === "state-ack") sender.handleAck(message, network.now);
      else if (message.type === "state-snapshot") receiver.handleSnapshot(message, network.now);
      else if (message.type === "state-delta") receiver.handleDelta(message, network.now);
    }
    drain();
  };
  const drain = () => {
    for (let m: ControlMessage | undefined; (m = sender.nextMessage());) network.send(A, B, encodeControl(m));
    for (let m: ControlMessage | undefined; (m = receiver.nextMessage());)
      network.send(B, A, encodeControl(m));
  };
  const timed = {
    pollTimeout: () => sender.pollTimeout(),
    handleTimeout: () => sender.handleTimeout(network.now),
  };
  const expiry = {
    pollTimeout: () => receiver.pollTimeout(),
    handleTimeout: () => receiver.handleTimeout(network.now),
  };
  const drained = <T extends typeof timed>(machine: T) => ({
    handleDatagram: deliver,
    pollTimeout: machine.pollTimeout,
    handleTimeout: () => (machine.handleTimeout(), drain()),
  });
  network.bind(A, drained(timed));
  network.bind(B, drained(expiry));
  return {
    sender,
    receiver,
    drain,
    set(key: string, value: Value | undefined) {
      const taken = sender.set(key, value);
      sender.flush(network.now);
      drain();
      return taken;
    },
    ready() {
      sender.handleReady(network.now);
      drain();
    },
  };
}

const include = (...sources: string[]): SourceFilter => ({ mode: "include", sources: new Set(sources) });
const group = (n: number) => `239.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;

test("a join and a leave cross in one trip each", () => {
  const network = new SimNetwork(1);
  const { sender, receiver, set, ready } = link(network, MEMBERSHIP);
  ready();
  network.runFor(100);
  set("239.1.2.3", ANY_SOURCE);
  expect(network.runFor(1_000, () => receiver.entries.has("239.1.2.3"))).toBe(10);
  expect([...receiver.takeChanged()]).toEqual(["239.1.2.3"]);
  set("239.1.2.3", include("192.0.2.9"));
  network.runFor(11);
  expect(receiver.entries.get("239.1.2.3")).toEqual(include("192.0.2.9"));
  set("239.1.2.3", undefined);
  expect(network.runFor(1_000, () => receiver.entries.size === 0)).toBe(10);
  network.runFor(11);
  expect(sender.settled).toBe(true);
});

test("what did not change is not sent", () => {
  const network = new SimNetwork(1);
  const { set, ready, receiver } = link(network, MEMBERSHIP);
  ready();
  set("239.1.2.3", include("192.0.2.9", "192.0.2.10"));
  network.runFor(100);
  receiver.takeChanged();
  const sent = network.sent.length;
  set("239.1.2.3", include("192.0.2.10", "192.0.2.9"));
  set("239.9.9.9", undefined);
  expect(network.sent.length).toBe(sent);
  expect(receiver.takeChanged().size).toBe(0);
});

test("500 groups: parts that fit, one after another, complete in one trip", () => {
  const network = new SimNetwork(1);
  const { sender, receiver, ready } = link(network, MEMBERSHIP);
  for (let n = 0; n < 500; n++) sender.set(`ff1e::${n.toString(16)}`, ANY_SOURCE);
  ready();
  expect(network.runFor(1_000, () => receiver.entries.size === 500)).toBe(10);
  expect(network.sent.filter(({ from }) => from === "192.0.2.1:1").length).toBe(9);
  for (const { data } of network.sent) expect(data.length).toBeLessThanOrEqual(1_200);
});

test("500 changes at once travel as deltas that fit, and heal when one is lost", () => {
  const network = new SimNetwork(1);
  const { sender, receiver, ready, drain } = link(network, MEMBERSHIP);
  ready();
  network.runFor(100);
  let count = 0;
  network.filter = () => ++count !== 3;
  for (let n = 0; n < 500; n++) sender.set(`ff1e::${n.toString(16)}`, ANY_SOURCE);
  sender.flush(network.now);
  drain();
  expect(network.runFor(1_000, () => receiver.entries.size === 500)).toBeLessThan(200);
  for (const { data } of network.sent) expect(data.length).toBeLessThanOrEqual(1_200);
});

test("a refresh every 30 s needs no answer; three missed ones end it", () => {
  const network = new SimNetwork(1);
  const { receiver, set, ready } = link(network, MEMBERSHIP);
  ready();
  set("239.1.2.3", ANY_SOURCE);
  network.runFor(1_000);
  const sent = network.sent.length;
  network.runFor(120_000);
  expect(network.sent.length - sent).toBe(4);
  expect(receiver.entries.size).toBe(1);
  network.filter = () => false;
  network.runFor(64_000);
  expect(receiver.entries.size).toBe(1);
  network.runFor(32_000);
  expect(receiver.entries.size).toBe(0);
  expect(receiver.counters.expired).toBe(1);
  network.filter = () => true;
  expect(network.runFor(31_000, () => receiver.entries.size === 1)).toBeDefined();
});

test("a restarted receiver is told everything as soon as anything comes", () => {
  const network = new SimNetwork(1);
  const first = link(network, MEMBERSHIP);
  first.ready();
  for (let n = 0; n < 10; n++) first.set(group(n), ANY_SOURCE);
  network.runFor(1_000);
  first.receiver.clear(); // as a new process would be
  first.set(group(10), ANY_SOURCE);
  expect(network.runFor(1_000, () => first.receiver.entries.size === 11)).toBeLessThan(50);
});

test("a receiver that gave up a sender who never noticed is told everything when it says that it is back", () => {
  const network = new SimNetwork(1);
  const { sender, receiver, set, ready, drain } = link(network, MEMBERSHIP);
  receiver.handleReady(); // with nothing to miss it has nothing to say
  expect(receiver.nextMessage()).toBeUndefined();
  ready();
  for (let n = 0; n < 10; n++) set(group(n), ANY_SOURCE);
  network.runFor(1_000);
  expect(sender.settled).toBe(true);
  receiver.clear();
  receiver.clear(); // once more is no more
  receiver.handleReady();
  drain();
  expect(network.runFor(1_000, () => receiver.entries.size === 10)).toBeLessThan(50);
  const sent = network.sent.length;
  receiver.handleReady(); // it holds everything
  drain();
  network.runFor(1_000);
  expect(network.sent.length - sent).toBeLessThanOrEqual(1); // the acknowledgement
});

test("a restarted sender replaces what its former self said", () => {
  const network = new SimNetwork(1);
  const { receiver, set, ready } = link(network, MEMBERSHIP, 5);
  ready();
  for (let n = 0; n < 10; n++) set(group(n), ANY_SOURCE);
  network.runFor(1_000);
  const again = new SoftStateSender(MEMBERSHIP, 6);
  again.set(group(3), ANY_SOURCE);
  again.handleReady(network.now);
  for (let m; (m = again.nextMessage());)
    if (m.type === "state-snapshot") receiver.handleSnapshot(m, network.now);
  expect([...receiver.entries.keys()]).toEqual([group(3)]);
});

test("bounds: a full sender refuses, a full receiver counts, and both stay in step", () => {
  const network = new SimNetwork(1);
  const small: Topic<SourceFilter> = { ...MEMBERSHIP, maxEntries: 3 };
  const { set } = link(network, small);
  expect([0, 1, 2, 3].map((n) => set(group(n), ANY_SOURCE))).toEqual([true, true, true, false]);
  expect(set(group(0), undefined)).toBe(true);
  expect(set(group(3), ANY_SOURCE)).toBe(true);
  const large = new SoftStateSender(MEMBERSHIP, 1);
  const receiver = new SoftStateReceiver(small);
  for (let n = 0; n < 5; n++) large.set(group(n), ANY_SOURCE);
  large.handleReady(0);
  for (let m; (m = large.nextMessage());) if (m.type === "state-snapshot") receiver.handleSnapshot(m, 0);
  expect(receiver.entries.size).toBe(3);
  expect(receiver.counters.overflow).toBe(2);
  expect(receiver.nextMessage()?.version).toBe(6);
});

test("a snapshot of more entries than a table can have costs no more than one of as many", () => {
  let decoded = 0;
  const topic: Topic<SourceFilter> = {
    ...MEMBERSHIP,
    maxEntries: 10,
    decode: (bytes) => (decoded++, MEMBERSHIP.decode(bytes)),
  };
  const receiver = new SoftStateReceiver(topic);
  const entries = (part: number) =>
    Array.from({ length: 100 }, (_, i) =>
      MEMBERSHIP.encode(`239.1.${part}.${i}`, i % 2 ? ANY_SOURCE : undefined),
    );
  for (let part = 0; part < 50; part++)
    receiver.handleSnapshot(
      {
        type: "state-snapshot",
        topic: topic.id,
        incarnation: 1,
        version: 1,
        ackWanted: true,
        part,
        parts: 50,
        entries: entries(part),
      },
      0,
    );
  expect(decoded).toBe(10);
  expect([receiver.entries.size, receiver.counters.overflow]).toEqual([5, 50 * 100 - 10]);
});

test("more removals than the table is large, unacknowledged: the sender forgets and starts from a snapshot", () => {
  const network = new SimNetwork(1);
  const { sender, receiver, set, ready } = link(network, { ...MEMBERSHIP, maxEntries: 8 });
  ready();
  network.runFor(100);
  network.filter = () => false;
  for (let n = 0; n < 100; n++) {
    set(group(n), ANY_SOURCE);
    set(group(n), undefined);
  }
  set(group(7), ANY_SOURCE);
  network.filter = () => true;
  network.runFor(6_000);
  expect([...receiver.entries.keys()]).toEqual([group(7)]);
  expect(sender.settled).toBe(true);
});

test("a filter too large for an entry is widened, never narrowed", () => {
  const sources = Array.from({ length: 100 }, (_, n) => `192.0.2.${n}`);
  const crossed = (filter: SourceFilter) => MEMBERSHIP.decode(MEMBERSHIP.encode("239.1.1.1", filter))!.value!;
  expect(crossed(include(...sources))).toEqual(ANY_SOURCE);
  const excluded = crossed({ mode: "exclude", sources: new Set(sources) });
  expect(excluded.mode).toBe("exclude");
  expect(excluded.sources.size).toBe(64);
  expect([...excluded.sources].every((source) => sources.includes(source))).toBe(true);
});

test("the network and its members cross as they are", () => {
  const network = new SimNetwork(1);
  const { receiver, set, ready } = link(network, NETWORK);
  const entries: [string, NetworkEntry][] = [
    [
      "network",
      {
        kind: "network",
        name: "Zuhause",
        prefix6: { address: "fd00:1:2::", length: 48 },
        prefix4: { address: "10.99.0.0", length: 16 },
        ranges: [
          { address: "239.0.0.0", length: 8 },
          { address: "ff1e::", length: 16 },
        ],
      },
    ],
    ["assigned", { kind: "assigned", number: 7 }],
    ["member 1", { kind: "member", number: 1, name: "host", online: true }],
    ["member 7", { kind: "member", number: 7, name: "Läptop", online: false }],
    ["candidates", { kind: "candidates", candidates: [{ host: "home.example", port: 4000 }] }],
  ];
  ready();
  for (const [key, entry] of entries) set(key, entry);
  network.runFor(100);
  expect(new Map(receiver.entries)).toEqual(new Map(entries));
  set("member 7", undefined);
  set("candidates", undefined);
  network.runFor(100);
  expect([...receiver.entries.keys()]).toEqual(["network", "assigned", "member 1"]);
});

test("any sequence of changes under loss, duplicates and reordering ends in the same table", () => {
  const filters = [ANY_SOURCE, include("192.0.2.9"), include("192.0.2.1", "192.0.2.2"), undefined];
  const step = fc.record({ group: fc.nat(11), filter: fc.nat(3), wait: fc.integer({ min: 0, max: 400 }) });
  fc.assert(
    fc.property(fc.nat(1e6), fc.array(step, { maxLength: 60 }), fc.nat(60), (seed, steps, restartAt) => {
      const network = new SimNetwork(seed);
      Object.assign(network.path, { loss: 0.3, duplicates: 0.2, jitter: 150 });
      const { sender, receiver, set, ready } = link(network, MEMBERSHIP);
      const expected = new Map<string, SourceFilter>();
      ready();
      for (const [i, { group: n, filter, wait }] of steps.entries()) {
        const value = filters[filter];
        set(group(n), value);
        if (value) expected.set(group(n), value);
        else expected.delete(group(n));
        if (i === restartAt) receiver.clear();
        network.runFor(wait);
      }
      network.runFor(60_000, () => sender.settled);
      network.runFor(60_000);
      if (!sender.settled || receiver.entries.size !== expected.size) return false;
      return [...expected].every(([key, value]) => sameFilter(receiver.entries.get(key) ?? include(), value));
    }),
    { numRuns: 150 },
  );
}, 60_000);

test("a large table crosses a bad path", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const network = new SimNetwork(seed);
    Object.assign(network.path, { loss: 0.1, duplicates: 0.1, jitter: 30 });
    const { sender, receiver, ready } = link(network, MEMBERSHIP);
    for (let n = 0; n < 4_096; n++) sender.set(group(n), ANY_SOURCE);
    ready();
    expect(network.runFor(5_000, () => receiver.entries.size === 4_096)).toBeLessThan(2_000);
  }
});
