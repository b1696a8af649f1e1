import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import {
  startReceiver,
  startSender,
  type ReceiveReport,
  type Receiver,
  type Sender,
} from "#test/support/traffic/mcast.ts";
import { PORT, reportUntil } from "./streams-scene.ts";
import { RIVAL_TIMEOUT_MS } from "#protocol/forwarding/lan-election.ts";

const missing = missingForLab();
const UDP = 17; // reports and queries go to the group's address too
const PACKETS = 400;
const RATE = 200;

// The host of the network is away; both guests sit on the home LAN with a source and a listener.
describe.skipIf(missing !== undefined)(`two members on the same LAN${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  const guests = new Map<string, TestDaemon>();

  beforeAll(async () => {
    lab = await Lab.create({ home2: true });
    const host = await TestDaemon.inLab(lab, "away", { lan: ["wan=local"] });
    const { link } = await host.invite(`[${lab.host("away").address6}]:${PORT}`, "--uses", "2");
    for (const name of ["home", "home2"]) {
      const guest = await TestDaemon.inLab(lab, name, { lan: ["lan=full"] });
      guests.set(name, guest);
      await guest.join(link);
    }
    await oneForwarder();
  });
  afterAll(async () => lab?.dispose());

  /** The forwarder's name, once those that run have said what they are and one of them forwards. */
  async function oneForwarder(timeoutMs = 20_000): Promise<string> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const running = [...guests].filter(([, guest]) => guest.running);
      const forwarders = running.filter(([, guest]) => role(guest) === "forwarder");
      if (forwarders.length === 1 && running.every(([, guest]) => role(guest))) return forwarders[0]![0];
      if (performance.now() > deadline) throw new Error(`${forwarders.length} forwarders`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  const other = (name: string): string => (name === "home" ? "home2" : "home");
  const role = (guest: TestDaemon): string | undefined =>
    [...guest.output.matchAll(/this computer is (\w+) on a LAN/g)].at(-1)?.[1];

  /** What the machines with the captures have sent to the group. */
  async function sentTo(group: string, captures: readonly Capture[]): Promise<number> {
    const passed = (await Promise.all(captures.map((capture) => capture.stop()))).flat();
    return passed.filter((packet) => packet.out && packet.destination === group && packet.protocol === UDP)
      .length;
  }

  /** A stream's receivers are all served, then it ends: every one has had each packet once. */
  async function each(receivers: Readonly<Record<string, Receiver>>, sender: Sender): Promise<void> {
    await Promise.all(Object.values(receivers).map((receiver) => receiver.first(20_000)));
    await sender.finished();
    for (const [name, receiver] of Object.entries(receivers)) {
      await arrived(receiver, PACKETS - 1);
      const report = await receiver.stop();
      expect(report, name).toMatchObject({ lost: 0, duplicates: 0, corrupt: 0, last_seq: PACKETS - 1 });
    }
  }

  const arrived = (receiver: Receiver, sequence: number): Promise<ReceiveReport> =>
    reportUntil(receiver, `datagram ${sequence}`, ({ last_seq }) => (last_seq ?? -1) >= sequence);

  test("one of them alone forwards, and what the LAN sends crosses the internet once", async () => {
    const group = "239.7.1.1";
    const wires = await Promise.all(["home", "home2"].map((name) => Capture.start(lab.host(name), "lan")));
    const internet = await Capture.start(lab.host("internet"), "home");
    const receivers = {
      away: await startReceiver(lab.host("away"), { group }),
      // What is on the wire reaches programs of the two members too, by the LAN or by the tunnel's device.
      "home by the LAN": await startReceiver(lab.host("home"), { group, interface: "lan" }),
      "home2 by the LAN": await startReceiver(lab.host("home2"), { group, interface: "lan" }),
      listener: await startReceiver(lab.host("listener"), { group }),
    };
    await each(
      receivers,
      await startSender(lab.host("source"), { group, interface: "lan", rate: RATE, count: PACKETS }),
    );
    expect(await sentTo(group, wires)).toBe(0);
    const carried = (await internet.stop()).filter(({ out, length }) => !out && length > 1300).length;
    expect(carried).toBeGreaterThan(PACKETS / 2);
    expect(carried).toBeLessThan(PACKETS * 1.25);
  });

  test("what comes from afar is put on the LAN once, and each listener there has it once", async () => {
    const group = "239.7.1.2";
    const wires = await Promise.all(["home", "home2"].map((name) => Capture.start(lab.host(name), "lan")));
    const receivers = {
      listener: await startReceiver(lab.host("listener"), { group }),
      source: await startReceiver(lab.host("source"), { group }),
      "home by the LAN": await startReceiver(lab.host("home"), { group, interface: "lan" }),
      "home2 by the LAN": await startReceiver(lab.host("home2"), { group, interface: "lan" }),
    };
    await each(receivers, await startSender(lab.host("away"), { group, rate: RATE, count: PACKETS }));
    const sent = await sentTo(group, wires);
    expect(sent).toBeGreaterThan(PACKETS / 2);
    expect(sent).toBeLessThanOrEqual(PACKETS);
  });

  test("programs of both members on the tunnel's own device have each packet once", async () => {
    const group = "239.7.1.3";
    const receivers = {
      home: await startReceiver(lab.host("home"), { group }),
      home2: await startReceiver(lab.host("home2"), { group }),
      away: await startReceiver(lab.host("away"), { group }),
    };
    await each(
      receivers,
      await startSender(lab.host("source"), { group, interface: "lan", rate: RATE, count: PACKETS }),
    );
  });

  test.each(["home", "home2"])(
    "what a program on %s sends into the tunnel arrives once, on the LAN too",
    async (from) => {
      const group = from === "home" ? "239.7.2.1" : "239.7.2.2";
      const wires = await Promise.all(["home", "home2"].map((name) => Capture.start(lab.host(name), "lan")));
      const receivers = {
        away: await startReceiver(lab.host("away"), { group }),
        listener: await startReceiver(lab.host("listener"), { group }),
        "the other member": await startReceiver(lab.host(other(from)), { group }),
        itself: await startReceiver(lab.host(from), { group }),
      };
      await each(receivers, await startSender(lab.host(from), { group, rate: RATE, count: PACKETS }));
      expect(await sentTo(group, wires)).toBeLessThanOrEqual(PACKETS);
    },
  );

  test("the forwarder ends in peace: the other takes over at once", async () => {
    const group = "239.7.1.4";
    const first = await oneForwarder();
    const away = await startReceiver(lab.host("away"), { group });
    const sender = await startSender(lab.host("source"), { group, interface: "lan", rate: RATE });
    await away.first(20_000);
    await guests.get(first)!.kill("SIGTERM");
    expect(await oneForwarder()).toBe(other(first));
    const { last_seq: before } = await away.report();
    await arrived(away, (before ?? 0) + RATE);
    await sender.stop();
    const report = await away.stop();
    expect(report.duplicates).toBe(0);
    expect(report.last_seq).toBeGreaterThan(before ?? 0);
    expect(report.longest_gap_ms).toBeLessThan(2_000);
    await guests.get(first)!.restart();
    await oneForwarder();
  });

  test("the forwarder dies without a word: the other takes over when three beacons are missed", async () => {
    const group = "239.7.1.5";
    const first = await oneForwarder();
    const away = await startReceiver(lab.host("away"), { group });
    const sender = await startSender(lab.host("source"), { group, interface: "lan", rate: RATE });
    await away.first(20_000);
    await guests.get(first)!.kill("SIGKILL");
    expect(await oneForwarder(RIVAL_TIMEOUT_MS + 10_000)).toBe(other(first));
    const { last_seq: before } = await away.report();
    await arrived(away, (before ?? 0) + RATE);
    // The dead one comes back into the running stream: one forwards, whichever it is.
    await guests.get(first)!.restart();
    await guests.get(first)!.until("connected", ({ networks }) => networks[0]?.state === "connected");
    await oneForwarder();
    const { last_seq: back } = await away.report();
    await arrived(away, (back ?? 0) + 2 * RATE);
    await sender.stop();
    const report = await away.stop();
    expect(report.last_seq).toBeGreaterThan(back ?? Infinity);
    // Where the dead one is preferred, both forward until a beacon has arrived; the far end takes one way at a time.
    expect(report.duplicates).toBeLessThan(RATE / 4);
    expect(report.longest_gap_ms).toBeLessThan(RIVAL_TIMEOUT_MS + 3_000);
  });
});
