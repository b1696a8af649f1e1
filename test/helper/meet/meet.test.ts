import { describe, expect, test } from "vitest";
import { FRAME_DATA } from "#wire/frame.ts";
import { SimNetwork } from "#test/helper/session/sim-network.ts";
import { MEET, SimClient, SimServer } from "./sim-meet.ts";

const CALL = Uint8Array.of(1, 2, 3);
const ANSWER = Uint8Array.of(4, 5, 6, 7);

function scene(seed = 1, limits = {}) {
  const network = new SimNetwork(seed);
  const server = new SimServer(network, limits);
  const host = new SimClient(network, { address: "198.51.100.1", port: 42268 }, 1);
  const guest = new SimClient(network, { address: "192.0.2.77", port: 5000 }, 2);
  host.onEvent = (event) => {
    if (event.type === "called") host.machine.answer(event.callId, ANSWER);
  };
  guest.onEvent = (event) => {
    if (event.type === "payload-wanted") guest.machine.setPayload(event.callId, CALL, network.now);
  };
  host.use();
  guest.use();
  host.host();
  network.runFor(200);
  return { network, server, host, guest };
}

const frame = (n: number): Uint8Array => Uint8Array.of(FRAME_DATA, 0, 0, 0, n, n, n, n);

describe("a place at a meeting point", () => {
  test("is taken by greeting and registering, and tells the host where others see it", () => {
    const { host, server } = scene();
    expect(host.machine.registered).toBe(true);
    expect(server.machine.places.size).toBe(1);
    expect(host.of("observed")).toEqual([{ type: "observed", endpoint: host.at }]);
  });

  test("is renewed for as long as the host wants it, and ends with it", () => {
    const { host, server, network } = scene();
    network.runFor(600_000);
    expect(server.machine.places.size).toBe(1);
    host.host(false);
    network.runFor(70_000);
    expect(server.machine.places.size).toBe(0);
  });

  test("moves with the host", () => {
    const { host, guest, network } = scene();
    host.move({ address: "198.51.100.200", port: 1234 });
    host.machine.handleNetworkChanged(network.now);
    host.carryOut();
    network.runFor(300);
    expect(host.of("observed").at(-1)?.endpoint).toEqual(host.at);
    guest.call(host.keys);
    network.runFor(300);
    expect(guest.of("answered")).toHaveLength(1);
  });

  test("comes back by itself where the meeting point has started anew", () => {
    const { host, server, network } = scene();
    server.stop();
    network.runFor(5_000);
    const again = new SimServer(network, {}, 201);
    expect(network.runFor(40_000, () => again.machine.places.size === 1)).toBeLessThan(20_000);
    network.runFor(100);
    expect(host.machine.registered).toBe(true);
  });

  test("comes back after the meeting point has been away for an hour", () => {
    const { host, server, network } = scene();
    server.stop();
    network.runFor(3_600_000);
    expect(host.machine.registered).toBe(false);
    expect(host.machine.unanswered).toBeGreaterThan(3);
    const again = new SimServer(network, {}, 201);
    expect(network.runFor(60_000, () => again.machine.places.size === 1)).toBeLessThan(40_000);
  });

  test("is not taken by somebody who knows the host's public key alone", () => {
    const { host, guest, network, server } = scene();
    // The guest's machine believes that it is the host, with a private key of its own.
    const thief = new SimClient(network, { address: "192.0.2.66", port: 1 }, 3);
    Object.defineProperty(thief.keys, "publicKey", { value: host.keys.publicKey });
    thief.use();
    thief.host();
    network.runFor(2_000);
    expect(thief.machine.registered).toBe(false);
    expect(server.machine.drops["bad-proof"]).toBeGreaterThan(0);
    guest.call(host.keys);
    network.runFor(300);
    expect(guest.of("answered")).toHaveLength(1);
  });

  test("the second address of a meeting point is tried where the first does not answer", () => {
    const { network } = scene();
    const other = new SimClient(network, { address: "192.0.2.5", port: 9 }, 9);
    other.use([{ address: "2001:db8::dead", port: 42270 }, MEET]);
    other.host();
    network.runFor(3_000);
    expect(other.machine.registered).toBe(true);
  });
});

describe("a call", () => {
  test("reaches the host and its answer the guest, within two round trips and one through", () => {
    const { host, guest, network } = scene();
    guest.call(host.keys);
    const took = network.runFor(2_000, () => guest.of("answered").length > 0);
    expect(took).toBeLessThan(70); // 10 ms a leg
    expect(host.of("called")[0]?.payload).toEqual(CALL);
    expect(guest.of("answered")[0]?.payload).toEqual(ANSWER);
  });

  test("to nobody ends at once", () => {
    const { host, guest, network } = scene();
    host.host(false);
    network.runFor(70_000);
    guest.call(host.keys);
    network.runFor(200);
    expect(guest.of("failed")).toMatchObject([{ reason: "not-here" }]);
    expect(guest.machine.calls).toBe(0);
  });

  test("where no meeting point answers ends in the end", () => {
    const { host, guest, network, server } = scene();
    server.stop();
    guest.call(host.keys);
    network.runFor(30_000);
    expect(guest.of("failed")).toMatchObject([{ reason: "unreachable" }]);
  });

  test.each([0.1, 0.25])("comes through with %d of all datagrams lost", (loss) => {
    for (let seed = 1; seed < 20; seed++) {
      const { host, guest, network } = scene(seed);
      network.path.loss = loss;
      network.path.duplicates = 0.1;
      network.path.jitter = 30;
      network.runFor(1_000);
      if (!host.machine.registered) network.runFor(20_000, () => host.machine.registered);
      guest.call(host.keys);
      expect(network.runFor(18_000, () => guest.of("answered").length > 0)).toBeDefined();
    }
  });
});

describe("a relayed pair", () => {
  function relayed(seed = 1) {
    const made = scene(seed);
    const call = made.guest.call(made.host.keys)!;
    made.network.runFor(300);
    made.guest.requestRelay(call);
    const took = made.network.runFor(5_000, () => made.guest.of("relay").length > 0);
    made.network.runFor(300);
    return { ...made, call, took, at: made.guest.of("relay")[0]!.endpoint };
  }

  test("passes frames on both ways, and nobody else's", () => {
    const { guest, host, network, server, at, took } = relayed();
    expect(took).toBeLessThan(100);
    expect(host.of("relayed")).toEqual([{ type: "relayed", endpoint: at }]);
    guest.send(at, frame(1));
    host.send(at, frame(2));
    const stranger = new SimClient(network, { address: "192.0.2.9", port: 7 }, 7);
    stranger.send(at, frame(3));
    network.runFor(100);
    expect(host.frames).toEqual([{ from: at, data: frame(1) }]);
    expect(guest.frames).toEqual([{ from: at, data: frame(2) }]);
    expect(server.machine.relays.drops.stranger).toBe(1);
    expect(server.machine.relays.passed.frames).toBe(2);
  });

  test("follows an end whose router gives it another port", () => {
    const { guest, host, network, at } = relayed();
    guest.move({ address: "192.0.2.78", port: 6000 });
    guest.machine.handleNetworkChanged(network.now);
    guest.carryOut();
    network.runFor(200);
    host.send(at, frame(5));
    network.runFor(100);
    expect(guest.frames.at(-1)).toEqual({ from: at, data: frame(5) });
  });

  test("stays while it is used, and ends a minute after an end has let go", () => {
    const { guest, host, network, server, call } = relayed();
    network.runFor(300_000);
    expect(server.ports.size).toBe(1);
    guest.machine.end(call);
    network.runFor(100_000);
    expect(server.ports.size).toBe(0);
    expect(server.machine.relays.size).toBe(0);
    expect(host.machine.legs).toBe(0);
    expect(host.of("relay-lost")).toHaveLength(1);
  });

  test("is told of as lost where the meeting point has started anew", () => {
    const { guest, network, server } = relayed();
    server.stop();
    const again = new SimServer(network, {}, 201);
    network.runFor(60_000);
    expect(guest.of("relay-lost")).toHaveLength(1);
    expect(guest.machine.legs).toBe(0);
    again.stop();
  });

  test("is refused where one address has as many as it may have", () => {
    const made = scene(1, { pairsEach: 2 });
    const calls = [1, 2, 3].map(() => made.guest.call(made.host.keys)!);
    made.network.runFor(300);
    for (const call of calls) made.guest.requestRelay(call);
    made.network.runFor(2_000);
    expect(made.guest.of("relay")).toHaveLength(2);
    expect(made.guest.of("failed")).toMatchObject([{ reason: "refused" }]);
    expect(made.server.machine.relays.size).toBe(2);
  });

  test("passes on no more than its rate", () => {
    const made = relayed();
    const big = new Uint8Array(1400);
    big[0] = FRAME_DATA;
    for (let i = 0; i < 2_000; i++) made.guest.send(made.at, big); // 22 Mbit at once
    made.network.runFor(100);
    const { passed, drops } = made.server.machine.relays;
    expect(passed.bytes).toBeLessThan((50_000_000 / 8) * 0.4);
    expect(drops["too-fast"]).toBeGreaterThan(100);
  });
});
