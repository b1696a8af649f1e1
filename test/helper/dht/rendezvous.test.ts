// What the daemon makes of the words of the DHT's process, which here is a double.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { payloadText } from "#dht/messages.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { IncomingCall } from "#ports/rendezvous.ts";
import { dhtIdentity } from "#protocol/reach/dht-identity.ts";
import { DhtRendezvous } from "#runtime/dht/dht-rendezvous.ts";
import type { FrameStreamHandlers } from "#runtime/dht/frame-stream.ts";
import { addressBytes } from "#wire/address.ts";
import { DoubleLauncher } from "./process-double.ts";

const OWN = dhtIdentity(new Uint8Array(32).fill(1));
/** Of the host that is called, in the DHT. */
const KEY = new Uint8Array(32).fill(3);
const HOST = new Uint8Array(32).fill(2);
const OUTSIDE: Endpoint = { address: "203.0.113.9", port: 42_268 };
const NODES = [1, 2, 3].map((n) => ({ address: `198.51.100.${n}`, port: 49_737 }));
const CALL = Uint8Array.of(1, 2, 3);
const ANSWER = Uint8Array.of(4, 5, 6);
const THERE = { address: "192.0.2.4", port: 4 };
const RELAY = { ...THERE, stream: 3 };

let now: number;
let launcher: DoubleLauncher;
let way: DhtRendezvous;
let told: unknown[][];
let incoming: IncomingCall[];
let datagrams: { to: Endpoint; data: Uint8Array }[];
let streams: { handlers: FrameStreamHandlers; written: Uint8Array[]; open: boolean }[];

beforeEach(() => {
  now = 1_000;
  told = [];
  incoming = [];
  datagrams = [];
  streams = [];
  launcher = new DoubleLauncher();
  let tid = 0;
  way = new DhtRendezvous({
    name: "the DHT",
    identity: OWN,
    keyOf: (hostPublicKey) => (Buffer.compare(hostPublicKey, HOST) === 0 ? KEY : undefined),
    configuration: () => ({ bootstrap: [{ host: "node.example", port: 1 }], relays: ["ab".repeat(32)] }),
    launcher,
    uidOf: () => 7,
    clock: { now: () => now, wall: () => now },
    entropy: { bytes: (length) => new Uint8Array(length).fill(++tid) },
    log: { write: () => {} },
    events: {
      called: (call) => void incoming.push(call),
      relayed: (endpoint) => void told.push(["relayed", endpoint]),
      relayLost: (endpoint) => void told.push(["relay lost", endpoint]),
      observed: (endpoint) => void told.push(["observed", endpoint]),
      changed: () => void told.push(["changed", way.state]),
    },
    sendDatagram: (to, data) => void datagrams.push({ to, data }),
    openStream: (remote, handlers) => {
      const stream = { handlers, written: [] as Uint8Array[], open: true };
      streams.push(stream);
      return {
        endpoint: { ...remote, stream: 3 },
        write: (frame) => void stream.written.push(frame),
        close: () => void (stream.open = false),
      };
    },
    due: () => {},
  });
});
afterEach(() => way.close());

const soon = { timeout: 5_000 };

/** What nodes answer that see us there; `ports`: one for each, where the NAT is symmetric. */
function answerPings(ports?: readonly number[]): void {
  for (const [i, { to, data }] of datagrams.splice(0).entries()) {
    const pong = new Uint8Array(10);
    pong.set([0x13, 0, data[2]!, data[3]!]);
    pong.set(addressBytes(OUTSIDE.address), 4);
    new DataView(pong.buffer).setUint16(8, ports?.[i] ?? OUTSIDE.port, true);
    way.handleDatagram(pong, to);
  }
}

function handlers() {
  return {
    payload: vi.fn(() => CALL),
    answered: vi.fn(),
    relay: vi.fn(),
    failed: vi.fn(),
  };
}

async function process(starts = 1) {
  await vi.waitFor(() => expect(launcher.doubles).toHaveLength(starts), soon);
  const double = launcher.last;
  await vi.waitFor(() => expect(double.of("start")).toHaveLength(1), soon);
  double.say({ type: "state", online: true, nodes: 40, announced: 0 });
  double.say({ type: "nodes", nodes: NODES });
  await vi.waitFor(() => expect(way.state).toBe("ready"), soon);
  return double;
}

describe("a guest", () => {
  test("does not call a host that said nothing of the DHT", () => {
    expect(way.call(new Uint8Array(32).fill(9), handlers())).toBeUndefined();
    expect(way.state).toBe("off");
  });

  test("nothing is started before somebody needs it", () => {
    expect(way.state).toBe("off");
    expect(launcher.doubles).toHaveLength(0);
    expect(way.pollTimeout()).toBeUndefined();
  });

  test("calls when it knows what its NAT does, and hears the answer", async () => {
    const guest = handlers();
    way.call(HOST, guest);
    const double = await process();
    await vi.waitFor(() => expect(datagrams).toHaveLength(3), soon);
    expect(double.of("call")).toEqual([]);
    answerPings();
    expect(told).toContainEqual(["observed", OUTSIDE]);
    await vi.waitFor(() => expect(double.of("call")).toHaveLength(1), soon);
    expect(double.of("call")[0]).toEqual({
      type: "call",
      call: 1,
      key: KEY.toHex(),
      payload: payloadText(CALL),
    });
    expect(double.of("start")[0]).toMatchObject({ relays: ["ab".repeat(32)] });
    double.say({ type: "answered", call: 1, payload: payloadText(ANSWER) });
    await vi.waitFor(() => expect(guest.answered).toHaveBeenCalledWith(ANSWER), soon);
  });

  test("a symmetric NAT, or none that answers, does not keep it from calling", async () => {
    way.call(HOST, handlers());
    const double = await process();
    await vi.waitFor(() => expect(datagrams).toHaveLength(3), soon);
    answerPings([5_000, 5_001, 5_002]);
    await vi.waitFor(() => expect(double.of("call")).toHaveLength(1), soon);
    expect(told.some(([what]) => what === "observed")).toBe(false);
    expect(way.view.nat.mapping).toBe("varies");
  });

  test("takes the relayed path when it asks for it, and not before", async () => {
    const guest = handlers();
    const call = way.call(HOST, guest)!;
    const double = await process();
    await vi.waitFor(() => expect(datagrams).toHaveLength(3), soon);
    answerPings();
    await vi.waitFor(() => expect(double.of("call")).toHaveLength(1), soon);
    double.say({ type: "path", call: 1, ...THERE });
    double.sayFrame(1, Uint8Array.of(9));
    await vi.waitFor(() => expect(way.strayFrames).toBe(1), soon);
    expect(streams).toHaveLength(0);

    call.requestRelay();
    await vi.waitFor(() => expect(guest.relay).toHaveBeenCalledWith(RELAY), soon);
    double.sayFrame(1, Uint8Array.of(7));
    await vi.waitFor(() => expect(streams[0]!.written).toEqual([Uint8Array.of(7)]), soon);
    streams[0]!.handlers.frame(Uint8Array.of(8));
    await vi.waitFor(() => expect(double.frames).toEqual([{ call: 1, frame: Uint8Array.of(8) }]), soon);

    call.end();
    expect(streams[0]!.open).toBe(false);
    await vi.waitFor(() => expect(double.of("hang-up")).toEqual([{ type: "hang-up", call: 1 }]), soon);
    expect(guest.failed).not.toHaveBeenCalled();
  });

  test("is told when its relayed path is gone", async () => {
    const guest = handlers();
    const call = way.call(HOST, guest)!;
    call.requestRelay();
    const double = await process();
    await vi.waitFor(() => expect(datagrams).toHaveLength(3), soon);
    answerPings();
    await vi.waitFor(() => expect(double.of("call")).toHaveLength(1), soon);
    double.say({ type: "path", call: 1, ...THERE });
    double.say({ type: "answered", call: 1, payload: payloadText(ANSWER) });
    await vi.waitFor(() => expect(guest.answered).toHaveBeenCalled(), soon);
    expect(guest.relay).toHaveBeenCalledTimes(1);
    double.say({ type: "ended", call: 1 });
    await vi.waitFor(() => expect(told).toContainEqual(["relay lost", RELAY]), soon);
    expect(streams[0]!.open).toBe(false);
    // The daemons know of each other, and may still open a hole.
    expect(guest.failed).not.toHaveBeenCalled();
  });

  test("hears that nobody hosts there, or that nothing answers", async () => {
    const [first, second] = [handlers(), handlers()];
    way.call(HOST, first);
    const double = await process();
    await vi.waitFor(() => expect(datagrams).toHaveLength(3), soon);
    answerPings();
    double.say({ type: "failed", call: 1, reason: "not-found" });
    await vi.waitFor(() => expect(first.failed).toHaveBeenCalledWith("not-here"), soon);
    way.call(HOST, second);
    await vi.waitFor(() => expect(double.of("call")).toHaveLength(2), soon);
    double.die();
    await vi.waitFor(() => expect(second.failed).toHaveBeenCalledWith("unreachable"), soon);
  });

  test("a DHT that does not answer is a failure in the end, and one to show", async () => {
    const guest = handlers();
    way.call(HOST, guest);
    await vi.waitFor(() => expect(launcher.doubles).toHaveLength(1), soon);
    await vi.waitFor(() => expect(launcher.last.of("start")).toHaveLength(1), soon);
    now += 10_001;
    way.handleTimeout(now);
    expect(way.state).toBe("failed");
    expect(way.problem).toBe("no node of the DHT answers");
    now += 5_000;
    way.handleTimeout(now);
    expect(guest.failed).toHaveBeenCalledWith("unreachable");
    now += 60_000;
    way.handleTimeout(now); // nobody needs it any more
    expect(way.state).toBe("off");
    expect(way.pollTimeout()).toBeUndefined();
  });

  test("as many calls as there may be, and not one more", async () => {
    const calls = Array.from({ length: 40 }, () => way.call(HOST, handlers()));
    expect(calls.filter(Boolean)).toHaveLength(32);
    for (const call of calls) call?.end();
    expect(way.call(HOST, handlers())).toBeDefined();
  });
});

describe("a host", () => {
  test("is announced under a key that is not its own, again after the process has died", async () => {
    way.host(true);
    const double = await process();
    const seed = OWN.seed.toHex();
    await vi.waitFor(() => expect(double.of("serve")).toEqual([{ type: "serve", seed }]), soon);
    double.die();
    await vi.waitFor(() => expect(way.state).toBe("failed"), soon);
    for (; launcher.doubles.length < 2 && now < 10_000; now += 100) way.handleTimeout(now);
    const second = await process(2);
    await vi.waitFor(() => expect(second.of("serve")).toEqual([{ type: "serve", seed }]), soon);
    way.host(false);
    await vi.waitFor(() => expect(second.of("unserve")).toHaveLength(1), soon);
  });

  test("looks at its NAT anew before it answers a call", async () => {
    way.host(true);
    const double = await process();
    await vi.waitFor(() => expect(datagrams).toHaveLength(3), soon);
    answerPings();
    now += 30_000;
    double.say({ type: "called", call: 2, payload: payloadText(CALL) });
    await vi.waitFor(() => expect(datagrams).toHaveLength(3), soon);
    expect(incoming).toHaveLength(0);
    answerPings();
    expect(incoming.map(({ payload }) => payload)).toEqual([CALL]);
    incoming[0]!.answer(ANSWER);
    await vi.waitFor(
      () => expect(double.of("answer")).toEqual([{ type: "answer", call: 2, payload: payloadText(ANSWER) }]),
      soon,
    );
  });

  test("answers a call in time where no node answers", async () => {
    way.host(true);
    const double = await process();
    double.say({ type: "called", call: 2, payload: payloadText(CALL) });
    await vi.waitFor(() => expect(datagrams.length).toBeGreaterThan(0), soon);
    await vi.waitFor(() => {
      way.handleTimeout((now += 100));
      expect(incoming).toHaveLength(1);
    }, soon);
  });

  test("takes frames of a guest that it has answered, and of nobody else", async () => {
    way.host(true);
    const double = await process();
    await vi.waitFor(() => expect(datagrams).toHaveLength(3), soon);
    answerPings();
    double.say({ type: "called", call: 2, payload: payloadText(CALL) });
    await vi.waitFor(() => expect(incoming).toHaveLength(1), soon);
    double.sayFrame(2, Uint8Array.of(1));
    double.sayFrame(4, Uint8Array.of(1));
    await vi.waitFor(() => expect(way.strayFrames).toBe(2), soon);
    expect(streams).toHaveLength(0);
    incoming[0]!.answer(ANSWER);
    double.say({ type: "path", call: 2, ...THERE });
    double.sayFrame(2, Uint8Array.of(2));
    await vi.waitFor(() => expect(streams[0]?.written).toEqual([Uint8Array.of(2)]), soon);
    expect(told).toContainEqual(["relayed", RELAY]);
    streams[0]!.handlers.closed();
    expect(told).toContainEqual(["relay lost", RELAY]);
    await vi.waitFor(() => expect(double.of("hang-up")).toEqual([{ type: "hang-up", call: 2 }]), soon);
  });

  test("a process that names nodes and calls without end costs a few pings a second", async () => {
    way.host(true);
    const double = await process();
    let sent = 0;
    for (let i = 0; i < 180; i++) {
      double.say({ type: "nodes", nodes: [{ address: `198.51.100.${i}`, port: 1 + i }] });
      double.say({ type: "called", call: 2 * (i + 1), payload: payloadText(CALL) });
      if (i % 20 === 19) {
        now += 5_000;
        await new Promise((resolve) => setTimeout(resolve, 5));
        way.handleTimeout(now);
      }
    }
    await vi.waitFor(() => expect(double.of("hang-up").length).toBeGreaterThan(100), soon);
    sent += datagrams.length;
    expect(sent).toBeLessThanOrEqual(12 + 2 * (now / 1_000));
    expect(datagrams.every(({ data }) => data.length === 11)).toBe(true);
    expect(way.view.counters.offences).toBe(0);
  });

  test("a call that nobody uses is forgotten", async () => {
    way.host(true);
    const double = await process();
    await vi.waitFor(() => expect(datagrams).toHaveLength(3), soon);
    answerPings();
    double.say({ type: "called", call: 2, payload: payloadText(CALL) });
    await vi.waitFor(() => expect(incoming).toHaveLength(1), soon);
    now += 90_000;
    way.handleTimeout(now);
    await vi.waitFor(() => expect(double.of("hang-up")).toHaveLength(1), soon);
  });
});
