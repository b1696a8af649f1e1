import { createHmac } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import {
  BEACON_INTERVAL_MS,
  LISTEN_MS,
  LanElection,
  RIVAL_TIMEOUT_MS,
  type LanElectionNetwork,
} from "#protocol/forwarding/lan-election.ts";
import { decodeBeacon, encodeBeacon } from "#wire/beacon.ts";

const HOME: LanElectionNetwork = {
  name: "home",
  tag: new Uint8Array(8).fill(1),
  key: new Uint8Array(32).fill(7),
};
const CLUB: LanElectionNetwork = { name: "club", tag: new Uint8Array(8).fill(2), key: undefined };

interface Member {
  readonly election: LanElection;
  readonly interfaceMac: Uint8Array;
  connected: boolean;
  muted: boolean; // hears, and is not heard
  beacons: number;
}

/** One LAN: every beacon reaches every other member that is connected, at once. */
class SimulatedLan {
  now = 0;
  readonly members = new Map<string, Member>();
  events: string[] = [];
  lastPayload = new Uint8Array();
  #epoch = 100;

  join(name: string, id: number, { priority = 10, networks = [HOME], nic = id } = {}): Member {
    const interfaceMac = Uint8Array.of(2, 0, 0, 0, 0, nic);
    const election = new LanElection({
      priority,
      memberId: new Uint8Array(8).fill(id),
      interfaceMac,
      epoch: this.#epoch++,
      mac: (key, data) => createHmac("sha256", key).update(data).digest(),
    });
    const member = { election, interfaceMac, connected: true, muted: false, beacons: 0 };
    this.members.set(name, member);
    for (const network of networks) election.addNetwork(network, this.now);
    this.run(this.now);
    return member;
  }

  run(until: number): void {
    for (;;) {
      this.#deliver();
      const due = Math.min(
        ...[...this.members.values()].map(({ election }) => election.pollTimeout() ?? Infinity),
      );
      if (due > until) break;
      this.now = Math.max(this.now, due);
      for (const { election } of this.members.values())
        if ((election.pollTimeout() ?? Infinity) <= this.now) election.handleTimeout(this.now);
    }
    this.now = until;
  }

  forwarders(network = "home"): string[] {
    return [...this.members]
      .filter(([, m]) => m.election.role(network) === "forwarder")
      .map(([name]) => name);
  }

  /** What happened since the last call, and nothing else. */
  expect(...events: string[]): void {
    expect(this.events).toEqual(events);
    this.events = [];
  }

  #deliver(): void {
    for (let busy = true; busy;) {
      busy = false;
      for (const [name, member] of this.members)
        for (let command; (command = member.election.nextCommand());) {
          busy = true;
          if (command.type === "role")
            this.events.push(`${this.now} ${name} ${command.network} ${command.role}`);
          else {
            member.beacons++;
            if (!member.connected || member.muted) continue;
            this.lastPayload = Uint8Array.from(command.payload);
            for (const other of this.members.values())
              if (other.connected)
                other.election.handleBeacon(command.payload, member.interfaceMac, this.now);
          }
        }
    }
  }
}

let lan: SimulatedLan;
beforeEach(() => {
  lan = new SimulatedLan();
});

describe("who forwards", () => {
  test("alone: after a moment of listening; a beacon at once and every five seconds", () => {
    const alone = lan.join("a", 5);
    expect(alone.beacons).toBe(1);
    lan.run(LISTEN_MS - 1);
    lan.expect();
    lan.run(LISTEN_MS);
    lan.expect(`${LISTEN_MS} a home forwarder`);
    lan.run(LISTEN_MS + 4 * BEACON_INTERVAL_MS);
    lan.expect();
    expect(alone.beacons).toBe(2 + 4);
  });

  test("two that start together: the lower member id", () => {
    lan.join("b", 6);
    lan.join("a", 5);
    lan.run(60_000);
    lan.expect("250 b home passive", "250 a home forwarder");
  });

  test("the lower priority number before the lower id", () => {
    lan.join("a", 5, { priority: 20 });
    lan.join("b", 6, { priority: 10 });
    lan.run(60_000);
    expect(lan.forwarders()).toEqual(["b"]);
  });

  test("a later one that is less preferred stays passive from the start", () => {
    lan.join("a", 5);
    lan.run(10_000);
    lan.events = [];
    lan.join("b", 6);
    lan.run(60_000);
    lan.expect("10250 b home passive");
  });

  test("a later one that is preferred takes over, with no moment without a forwarder", () => {
    lan.join("b", 6);
    lan.run(10_000);
    lan.events = [];
    lan.join("a", 5);
    lan.run(60_000);
    lan.expect("10250 a home forwarder", "10250 b home passive");
  });

  test("one computer on the LAN by two interfaces: one of them", () => {
    lan.join("wired", 5, { nic: 1 });
    lan.join("wireless", 5, { nic: 2 });
    lan.run(60_000);
    expect(lan.forwarders()).toEqual(["wired"]);
  });

  test("each network by itself", () => {
    lan.join("a", 5, { networks: [HOME] });
    lan.join("b", 6, { networks: [HOME, CLUB] });
    lan.run(60_000);
    expect(lan.forwarders("home")).toEqual(["a"]);
    expect(lan.forwarders("club")).toEqual(["b"]);
  });
});

describe("when a forwarder goes", () => {
  test("silently: the next takes over after three missed beacons", () => {
    const a = lan.join("a", 5);
    lan.join("b", 6);
    lan.run(12_000);
    lan.events = [];
    a.connected = false;
    lan.run(100_000);
    lan.expect(`${10_250 + RIVAL_TIMEOUT_MS} b home forwarder`);
  });

  test("two beacons lost change nothing", () => {
    const a = lan.join("a", 5);
    lan.join("b", 6);
    lan.run(11_000);
    lan.events = [];
    a.connected = false;
    lan.run(21_000);
    a.connected = true;
    lan.run(60_000);
    lan.expect();
  });

  test("with a good-bye: at once", () => {
    const a = lan.join("a", 5);
    lan.join("b", 6);
    lan.run(12_000);
    lan.events = [];
    a.election.removeNetwork("home", lan.now);
    lan.run(12_000);
    lan.expect("12000 b home forwarder");
    expect(a.election.pollTimeout()).toBeUndefined();
  });

  test("a LAN that was split and is whole again: one of the two forwarders yields on the first beacon", () => {
    const a = lan.join("a", 5);
    lan.join("b", 6);
    a.connected = false;
    lan.run(40_000);
    expect(lan.forwarders()).toEqual(["a", "b"]);
    a.connected = true;
    lan.run(40_000 + BEACON_INTERVAL_MS);
    expect(lan.forwarders()).toEqual(["a"]);
  });
});

test("a forwarder that was not heard for a time objects as soon as another forwards", () => {
  const a = lan.join("a", 5);
  lan.run(2_000);
  lan.join("b", 6);
  lan.run(12_000);
  lan.events = [];
  a.muted = true; // its last word was at 12,000
  lan.run(27_400);
  a.muted = false;
  lan.run(28_000);
  lan.expect("27500 b home forwarder", "27500 b home passive");
});

describe("hostile beacons", () => {
  const forged = (change: (payload: Uint8Array) => Uint8Array): { before: string[]; after: string[] } => {
    lan.join("b", 6);
    lan.join("a", 5);
    lan.run(10_000);
    const payload = lan.lastPayload;
    lan.members.get("a")!.election.removeNetwork("home", lan.now);
    lan.run(11_000);
    const before = lan.forwarders();
    lan.members.get("b")!.election.handleBeacon(change(payload), Uint8Array.of(2, 9, 9, 9, 9, 9), lan.now);
    lan.run(11_001);
    return { before, after: lan.forwarders() };
  };

  test("a beacon that was heard before brings nobody back", () => {
    expect(forged((payload) => payload)).toEqual({ before: ["b"], after: ["b"] });
    expect(lan.members.get("b")!.election.drops.replayed).toBe(1);
  });

  test("another sequence, member or flag without the secret: dropped", () => {
    const renamed = forged((payload) => {
      const beacon = decodeBeacon(payload);
      return encodeBeacon({ ...beacon, memberId: new Uint8Array(8), sequence: beacon.sequence + 99n });
    });
    expect(renamed).toEqual({ before: ["b"], after: ["b"] });
    expect(lan.members.get("b")!.election.drops.badMac).toBe(1);
  });

  test("garbage is counted, and provokes no answer", () => {
    const a = lan.join("a", 5);
    lan.run(1000);
    const { beacons } = a;
    for (let i = 0; i < 500; i++)
      a.election.handleBeacon(
        Uint8Array.from({ length: i % 100 }, (_, at) => i * 31 + at),
        new Uint8Array(6),
        1000,
      );
    lan.run(1000);
    expect(a.election.drops.malformed).toBe(500);
    expect(a.beacons).toBe(beacons);
  });

  test("endless members: bounded, and few answers", () => {
    const a = lan.join("a", 5, { networks: [CLUB] });
    lan.run(1000);
    const { beacons } = a;
    for (let i = 0; i < 2000; i++) {
      const memberId = Uint8Array.of(255, 0, 0, 0, 0, 0, i >> 8, i);
      const networks = [{ tag: CLUB.tag, forwarding: true, leaving: false, mac: new Uint8Array(16) }];
      const payload = encodeBeacon({
        priority: 10,
        memberId,
        interface: new Uint8Array(6),
        sequence: 1n,
        networks,
      });
      a.election.handleBeacon(payload, new Uint8Array(6), lan.now);
    }
    lan.run(2000);
    expect(a.election.rivals("club")).toBe(64);
    expect(a.election.drops.tooManyRivals).toBe(2000 - 64);
    expect(a.beacons - beacons).toBeLessThanOrEqual(11);
    expect(lan.forwarders("club")).toEqual(["a"]);
  });
});

test("no more networks than a beacon holds", () => {
  const networks = Array.from({ length: 16 }, (_, i) => ({
    ...HOME,
    name: `n${i}`,
    tag: new Uint8Array(8).fill(i),
  }));
  const { election } = lan.join("a", 5, { networks });
  expect(() => election.addNetwork({ ...HOME, tag: new Uint8Array(8).fill(99) }, 0)).toThrow(RangeError);
});
