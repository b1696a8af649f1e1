// Networks that let no UDP pass: the tunnel comes up over TCP, goes there in mid-stream, and comes back.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender, type Receiver } from "#test/support/traffic/mcast.ts";
import { PORT, reportUntil } from "./streams-scene.ts";

const missing = missingForLab();
const RATE = 300;
const figures: string[] = [];

async function pathOf(daemon: TestDaemon, role: "host" | "guest"): Promise<string | undefined> {
  const { networks } = await daemon.status();
  return networks[0]?.members.find((member) => member.role === role)?.path;
}

/** Until the receiver has what was sent from now on. Returns how long it was without packets, ms. */
async function silence(receiver: Receiver, change: () => Promise<unknown>): Promise<number> {
  await change();
  const { last_seq: seen } = await receiver.report();
  const report = await reportUntil(receiver, "packets again", (r) => r.last_seq! > seen! + RATE, 15_000);
  return report.longest_gap_ms;
}

describe.skipIf(missing !== undefined)(
  `away, in a network that lets no UDP pass${missing ? ` (${missing})` : ""}`,
  () => {
    let lab: Lab;
    let home: TestDaemon;
    let away: TestDaemon;

    beforeAll(async () => {
      lab = await Lab.create({ portForward: PORT });
      await lab.setInboundBlocked6("home", true);
      home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
      away = await TestDaemon.inLab(lab, "away");
    });
    afterAll(async () => {
      if (figures.length > 0) console.log(`TCP fallback:\n  ${figures.join("\n  ")}`);
      await lab?.dispose();
    });

    test("UDP blocked from the start: the first packet within 4 s of Connect, over TCP", async () => {
      await lab.setUdpBlocked("away", true);
      const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
      const group = "239.10.2.1";
      const sender = await startSender(lab.host("source"), { group, interface: "lan", rate: RATE });
      const receiver = await startReceiver(lab.host("away"), { group, interface: "castaway0" });
      const before = performance.now();
      const joined = away.join(link);
      await receiver.first(20_000);
      const first = performance.now() - before;
      await joined;
      figures.push(`UDP blocked, Connect to first packet: ${Math.round(first)} ms`);
      await sender.stop();
      await receiver.stop();
      expect([await pathOf(away, "host"), await pathOf(home, "guest")]).toEqual(["tcp", "tcp"]);
      expect((await away.status()).networks[0]!.detail).toContain("over TCP");
      expect(first).toBeLessThan(4_000);
    });

    test("UDP passes again: back on UDP within 10 s; nothing is lost or doubled on the way", async () => {
      const group = "239.10.2.2";
      const receiver = await startReceiver(lab.host("away"), { group });
      const sender = await startSender(lab.host("source"), { group, interface: "lan", rate: RATE });
      await receiver.first();
      await lab.setUdpBlocked("away", false);
      const before = performance.now();
      await away.until(
        "on UDP again",
        ({ networks }) => networks[0]!.members.some((m) => m.path === "direct"),
        20_000,
      );
      const took = performance.now() - before;
      figures.push(`unblocked, back on UDP after ${Math.round(took)} ms`);
      const { last_seq: seen } = await receiver.report();
      await reportUntil(receiver, "more packets", (r) => r.last_seq! > seen! + RATE);
      await sender.stop();
      const report = await receiver.stop();
      expect(report).toMatchObject({ lost: 0, duplicates: 0, corrupt: 0 });
      expect(took).toBeLessThan(10_000);
    });

    test.each(["to the laptop", "from the laptop"])(
      "UDP blocked in mid-stream, stream %s: on TCP within 3 s, and back without a loss",
      async (direction) => {
        const down = direction === "to the laptop";
        const group = down ? "239.10.2.3" : "239.10.2.4";
        await away.until(
          "on UDP",
          ({ networks }) => networks[0]!.members.some((m) => m.path === "direct"),
          20_000,
        );
        const receiver = await startReceiver(lab.host(down ? "away" : "listener"), { group });
        const sender = await startSender(lab.host(down ? "source" : "away"), {
          group,
          interface: down ? "lan" : "castaway0",
          rate: RATE,
        });
        await receiver.first();
        const gap = await silence(receiver, () => lab.setUdpBlocked("away", true));
        figures.push(`UDP blocked in mid-stream ${direction}: without packets for ${Math.round(gap)} ms`);
        const { lost, longest_gap_ms: longest } = await receiver.report();
        await lab.setUdpBlocked("away", false);
        await away.until(
          "on UDP again",
          ({ networks }) => networks[0]!.members.some((m) => m.path === "direct"),
          20_000,
        );
        const { last_seq: seen } = await receiver.report();
        await reportUntil(receiver, "packets by UDP", (r) => r.last_seq! > seen! + RATE);
        await sender.stop();
        const report = await receiver.stop();
        // The way back costs nothing: what was lost was lost in the block.
        expect(report).toMatchObject({ lost, longest_gap_ms: longest, duplicates: 0, corrupt: 0 });
        expect(gap).toBeLessThan(3_000);
      },
    );

    test("the session has been one and the same all the time", () => {
      expect(away.output.match(/info connected/g)).toHaveLength(1);
      expect(home.output + away.output).not.toMatch(/is gone/);
    });
  },
);
