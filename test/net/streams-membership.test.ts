import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { startReceiver, startSender, type ReceiveOptions } from "#test/support/traffic/mcast.ts";
import type { PassedPacket } from "#test/support/traffic/passed-packet.ts";
import { median } from "#test/bench/figures.ts";
import { membershipRecords } from "./membership-records.ts";
import {
  PORT,
  bridgeForwards,
  kernelGroups,
  reportUntil,
  startScene,
  withPort,
  type Scene,
} from "./streams-scene.ts";

const missing = missingForLab();

/** Bytes of an outer packet: a stream's datagrams are as big, control messages are not. */
const STREAM_LENGTH = 1_200;
const TUN = "castaway0";
/** The home router's port of the home machine: what crosses it has really been on the wire. */
const HOME_PORT = "p-home";
const JOINS_MEASURED = 10;

const KINDS = [
  { kind: "IPv4 any-source", group: (n: number) => `239.22.0.${n}`, specific: false },
  { kind: "IPv4 source-specific", group: (n: number) => `232.22.0.${n}`, specific: true },
  { kind: "IPv6 any-source", group: (n: number) => `ff1e::22:${n}`, specific: false },
  { kind: "IPv6 source-specific", group: (n: number) => `ff3e::22:${n}`, specific: true },
] as const;
const ANY_SOURCE_KINDS = KINDS.filter(({ specific }) => !specific);

function isOuter(packet: PassedPacket): boolean {
  return packet.sourcePort === PORT || packet.destinationPort === PORT;
}

function carriesStream(packet: PassedPacket): boolean {
  return isOuter(packet) && packet.length >= STREAM_LENGTH;
}

describe.skipIf(missing !== undefined)(`who gets a stream${missing ? ` (${missing})` : ""}`, () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await startScene();
  });
  afterAll(async () => scene?.dispose());

  test("a member that did not join gets not one packet of the group", async () => {
    const { lab } = scene;
    const group = "239.22.1.1";
    const towards = {
      joined: await Capture.start(lab.host("internet"), "away", 64),
      other: await Capture.start(lab.host("internet"), "away2", 64),
    };
    const tun = await Capture.start(lab.host("away2"), TUN, 64);
    const joined = await startReceiver(lab.host("away"), { group });
    const sender = await startSender(lab.host("source"), { group, rate: 1000 });
    await reportUntil(joined, "1500 datagrams", ({ received }) => received >= 1500);
    const before = await towards.other.packets();
    expect((await towards.joined.packets()).filter(carriesStream).length).toBeGreaterThanOrEqual(1500);
    expect(before.filter(carriesStream)).toEqual([]);
    // Soft state and pings, which do not grow with the stream.
    expect(before.filter(isOuter).length).toBeLessThan(60);
    expect((await tun.packets()).filter((packet) => packet.destination === group)).toEqual([]);

    // The same captures see it as soon as that member joins.
    const second = await startReceiver(lab.host("away2"), { group });
    await reportUntil(second, "200 datagrams", ({ received }) => received >= 200);
    expect((await towards.other.stop()).filter(carriesStream).length).toBeGreaterThanOrEqual(200);
    const onTun = (await tun.stop()).filter((packet) => packet.destination === group);
    expect(onTun.length).toBeGreaterThanOrEqual(200);
    await Promise.all([towards.joined.stop(), second.stop(), joined.stop(), sender.stop()]);
  });

  test.each(KINDS)(
    "$kind: a leave stops the stream at once, and the home LAN sees the kernel's own report and leave",
    async ({ kind, group: groupOf, specific }) => {
      const { lab } = scene;
      const group = groupOf(2);
      const six = group.includes(":");
      const source = six ? lab.host("source").address6 : lab.host("source").address4;
      const own = await addressesOf("home");
      const receive: ReceiveOptions = { group: withPort(group), ...(specific ? { sources: [source] } : {}) };
      const records = (packets: readonly PassedPacket[]): string[] =>
        membershipRecords(packets, group)
          .filter((record) => own.includes(record.from))
          .map(({ type, sources }) => [type, ...sources].join(" "));

      const wire = await Capture.start(lab.host("home-router"), HOME_PORT);
      const outer = await Capture.start(lab.host("internet"), "away", 64);
      const neighbour = await startReceiver(lab.host("listener"), receive);
      const receiver = await startReceiver(lab.host("away"), receive);
      const sender = await startSender(lab.host("source"), { group: withPort(group), rate: 500 });
      await reportUntil(receiver, "100 datagrams", ({ received }) => received >= 100);
      expect(await kernelGroups(lab.host("home"), "lan")).toContain(group);
      expect(records(await wire.packets())[0]).toBe(specific ? `allow ${source}` : "to-exclude");

      receiver.leave();
      const leftAt = timeOf(await receiver.child.line(/"event": "left"/));
      const leave = specific ? `block ${source}` : "to-include";
      const left = await wire.until(`the kernel says ${leave}`, (packet) =>
        records([packet]).includes(leave),
      );
      expect(await kernelGroups(lab.host("home"), "lan")).not.toContain(group);
      // The stream goes on all the same: the LAN's own listener has it.
      const { received } = await neighbour.report();
      await reportUntil(neighbour, "a second more", (report) => report.received >= received + 500);

      const streamed = (await outer.stop()).filter(carriesStream);
      const lastMs = (streamed.at(-1)!.at - leftAt) / 1e6;
      const leaveMs = (left.at - leftAt) / 1e6;
      console.log(
        `${kind}: last datagram on the internet ${lastMs.toFixed(1)} ms after the program's leave, ` +
          `the home machine's leave on its LAN after ${leaveMs.toFixed(1)} ms`,
      );
      expect(streamed.length).toBeGreaterThanOrEqual(100);
      expect(lastMs).toBeLessThan(500);
      await Promise.all([wire.stop(), receiver.stop(), neighbour.stop(), sender.stop()]);
    },
  );

  test.each(ANY_SOURCE_KINDS)(
    "$kind: what one of two members leaves goes on for the other, without a leave at home",
    async ({ group: groupOf }) => {
      const { lab } = scene;
      const group = groupOf(3);
      const own = await addressesOf("home");
      const leaves = (packets: readonly PassedPacket[]): number =>
        membershipRecords(packets, group).filter(
          (record) => own.includes(record.from) && record.type === "to-include",
        ).length;
      const wire = await Capture.start(lab.host("home-router"), HOME_PORT);
      const towards = await Capture.start(lab.host("internet"), "away2", 64);
      const stays = await startReceiver(lab.host("away"), { group: withPort(group) });
      const leavesIt = await startReceiver(lab.host("away2"), { group: withPort(group) });
      const sender = await startSender(lab.host("source"), { group: withPort(group), rate: 500 });
      await Promise.all(
        [stays, leavesIt].map((one) => reportUntil(one, "100 datagrams", ({ received }) => received >= 100)),
      );
      await leavesIt.stop();
      const before = (await stays.report()).received;
      await reportUntil(stays, "500 more", ({ received }) => received >= before + 500);
      const streamed = (await towards.packets()).filter(carriesStream).length;
      await reportUntil(stays, "500 more", ({ received }) => received >= before + 1000);
      expect((await towards.stop()).filter(carriesStream)).toHaveLength(streamed);
      expect(leaves(await wire.packets())).toBe(0);
      const { sent } = await sender.stop();
      const report = await reportUntil(stays, "all", ({ last_seq }) => last_seq === sent - 1);
      expect(report).toMatchObject({ lost: 0, duplicates: 0 });
      await stays.stop();
      await wire.until("the kernel leaves when the last one has left", (packet) => leaves([packet]) > 0);
      await wire.stop();
    },
  );

  test.each(ANY_SOURCE_KINDS)(
    "$kind: join to first packet of a running stream",
    async ({ kind, group: groupOf }) => {
      const { lab } = scene;
      const group = groupOf(4);
      const sender = await startSender(lab.host("source"), { group: withPort(group), rate: 1000 });
      const measure = async (host: string, left: () => Promise<unknown>): Promise<number[]> => {
        const times: number[] = [];
        for (let n = 0; n < JOINS_MEASURED; n++) {
          const receiver = await startReceiver(lab.host(host), { group: withPort(group), join: false });
          receiver.join();
          times.push(await receiver.first());
          await receiver.stop();
          await left(); // the next join is a first one again
        }
        return times;
      };
      const away = await measure("away", () =>
        expect.poll(() => kernelGroups(lab.host("home"), "lan"), { timeout: 10_000 }).not.toContain(group),
      );
      const atHome = await measure("listener", () =>
        expect
          .poll(() => bridgeForwards(scene.lab.host("home-router"), "p-listener"), { timeout: 10_000 })
          .not.toContain(group),
      );
      await sender.stop();
      const text = (times: readonly number[]): string =>
        `median ${median(times).toFixed(1)} ms, ${Math.min(...times).toFixed(1)} to ${Math.max(...times).toFixed(1)} ms`;
      console.log(
        `${kind}: join to first packet away: ${text(away)}; on the home LAN itself: ${text(atHome)} ` +
          `(${JOINS_MEASURED} joins each)`,
      );
      expect(away).toHaveLength(JOINS_MEASURED);
      expect(median(away)).toBeLessThan(1_000);
    },
  );

  /** All that the host has on its LAN interface, the link-local one included. */
  async function addressesOf(host: string): Promise<string[]> {
    const { stdout } = await scene.lab.host(host).exec("ip", ["-json", "addr", "show", "dev", "lan"]);
    const [link] = JSON.parse(stdout) as [{ addr_info: { local: string }[] }];
    return link.addr_info.map(({ local }) => local);
  }
});

function timeOf(line: string): number {
  return (JSON.parse(line) as { at_ns: number }).at_ns;
}
