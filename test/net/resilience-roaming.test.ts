import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { PORT, reportUntil } from "./streams-scene.ts";

const missing = missingForLab();
const RATE = 500;
const WITHIN_MS = 1_000;

type Direction = "to the laptop" | "from the laptop";

describe.skipIf(missing !== undefined)(
  `the away laptop changes its address in mid-stream${missing ? ` (${missing})` : ""}`,
  () => {
    let lab: Lab;
    let home: TestDaemon;
    let away: TestDaemon;
    let groups = 0;
    const gaps: string[] = [];

    beforeAll(async () => {
      lab = await Lab.create({ away: 2, portForward: PORT });
      await lab.setInboundBlocked6("home", true);
      home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
      away = await TestDaemon.inLab(lab, "away");
      const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
      await away.join(link);
    });
    afterAll(async () => {
      console.log(`without packets for:\n  ${gaps.join("\n  ")}`);
      await lab?.dispose();
    });

    /** A stream in one direction alone, so that no packet of the other one shows the way. */
    async function through(
      direction: Direction,
      what: string,
      change: () => Promise<unknown>,
    ): Promise<void> {
      const group = `239.10.1.${++groups}`;
      const down = direction === "to the laptop";
      const receiver = await startReceiver(lab.host(down ? "away" : "listener"), { group });
      const sender = await startSender(lab.host(down ? "source" : "away"), {
        group,
        interface: down ? "lan" : "castaway0",
        rate: RATE,
      });
      await receiver.first();
      await change();
      const { last_seq: seen } = await receiver.report();
      await reportUntil(receiver, "packets again", (report) => report.last_seq! > seen! + 2 * RATE);
      await sender.stop();
      const report = await receiver.stop();
      gaps.push(`${what}, stream ${direction}: ${Math.round(report.longest_gap_ms)} ms`);
      expect(report.longest_gap_ms).toBeLessThan(WITHIN_MS);
      expect(report).toMatchObject({ duplicates: 0, corrupt: 0 });
    }

    describe.each(["to the laptop", "from the laptop"] as const)("with a stream %s", (direction) => {
      test("another address on the same LAN: back within one second", async () => {
        const before = lab.host("away").address4;
        await through(direction, "another address", () => lab.readdress("away"));
        expect(lab.host("away").address4).not.toBe(before);
      });

      test("another network behind another NAT: back within one second", async () => {
        const site = direction === "to the laptop" ? "away2" : "away";
        await through(direction, "another network", () => lab.roam("away", site));
        const member = (await home.status()).networks[0]!.members.find(({ role }) => role === "guest")!;
        expect(member.endpoint?.split(":")[0]).toBe(lab.host(lab.site(site).router).address4);
      });

      test("its router gets another address, of which nobody tells it: back within one second", async () => {
        const site = direction === "to the laptop" ? "away2" : "away";
        await through(direction, "its router's address", () => lab.renumber(site));
      });
    });

    test("the session has been one and the same, and the addresses in the network too", async () => {
      expect(away.output.match(/info connected/g)).toHaveLength(1);
      expect(home.output.match(/a member is here/g)).toHaveLength(1);
      expect(away.output + home.output).not.toMatch(/is gone/);
    });
  },
);
