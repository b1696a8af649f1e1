import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { MEET_PORT, TestMeetPoint } from "#test/support/meet-point.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startFlood } from "#test/support/traffic/meet-flood.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { PORT, reportUntil } from "./streams-scene.ts";

const missing = missingForLab();
const RATE = 200;

describe.skipIf(missing !== undefined)(
  `a meeting point and its troubles${missing ? ` (${missing})` : ""}`,
  () => {
    let lab: Lab;
    let meet: TestMeetPoint;
    let home: TestDaemon;
    /** Behind a router that lets a hole be made, and behind one that does not. */
    let direct: TestDaemon;
    let relayed: TestDaemon;
    let groups = 0;

    const startMeet = (): Promise<TestMeetPoint> =>
      TestMeetPoint.start(lab.host("internet"), "--address", lab.host("internet").address4);

    async function path(guest: TestDaemon, kind: string, timeoutMs: number): Promise<void> {
      await guest.until(
        `a path that is ${kind}`,
        ({ networks }) => networks[0]!.members.find(({ role }) => role === "host")?.path === kind,
        timeoutMs,
      );
    }

    async function stream(guest: string) {
      const group = `239.10.8.${++groups}`;
      const receiver = await startReceiver(lab.host(guest), { group });
      const sender = await startSender(lab.host("source"), { group, interface: "lan", rate: RATE });
      await receiver.first();
      return { receiver, sender };
    }

    beforeAll(async () => {
      lab = await Lab.create({ away: 3 });
      for (const site of ["home", "away", "away2", "away3"]) {
        await lab.setNat(site, site === "away2" ? "symmetric" : "endpoint-independent");
        await lab.setNoIpv6(site);
      }
      meet = await startMeet();
      [home, direct, relayed] = await Promise.all([
        TestDaemon.inLab(lab, "home", { lan: ["lan=full"] }),
        TestDaemon.inLab(lab, "away"),
        TestDaemon.inLab(lab, "away2"),
      ]);
      const place = `${lab.host("internet").address4}:${MEET_PORT}`;
      const ways = ["--dht", "off", "--port-mapping", "off", "--tcp", "off"];
      await home.json("reach", ...ways, "--meet", place);
      await Promise.all([direct, relayed].map((guest) => guest.json("reach", ...ways)));
      await home.json("up", "--name", "home");
      const { link } = await home.json<{ link: string }>("invite", "--uses", "2");
      await Promise.all([direct, relayed].map((guest) => guest.join(link)));
      await path(direct, "punched", 15_000);
      await path(relayed, "relayed", 15_000);
    });
    afterAll(() => lab?.dispose());

    test("restarted in mid-stream: what is direct loses nothing, the rest comes back by itself", async () => {
      const [one, two] = await Promise.all([stream("away"), stream("away2")]);
      await meet.stop("SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      meet = await startMeet();
      const before = performance.now();
      const { last_seq: seen } = await two.receiver.report();
      await reportUntil(two.receiver, "relayed again", (report) => report.last_seq! > seen! + RATE, 40_000);
      console.log(
        `relayed again ${Math.round(performance.now() - before)} ms after the meeting point was back`,
      );
      expect((await meet.figures()).hosts).toBe(1);
      await Promise.all([one.sender.stop(), two.sender.stop()]);
      await two.receiver.stop();
      expect(await one.receiver.stop()).toMatchObject({ lost: 0, duplicates: 0 });
      await path(direct, "punched", 1_000);
      await path(relayed, "relayed", 15_000);
    });

    test("flooded by a hostile client: it stays small, others find each other and are relayed", async () => {
      const flood = startFlood(lab.host("away3"), `${lab.host("internet").address4}:${MEET_PORT}`);
      await flood.line(/sent/, 10_000);
      await relayed.json("down");
      await relayed.json("up");
      await path(relayed, "relayed", 20_000);
      const { receiver, sender } = await stream("away2");
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await sender.stop();
      const report = await receiver.stop();
      const { drops } = await meet.figures();
      const { stdout } = await lab.host("internet").exec("cat", [`/proc/${meet.pid}/status`]);
      const megabytes = Number(/VmRSS:\s+(\d+) kB/.exec(stdout)?.[1]) / 1024;
      const flooded = Number(/sent (\d+)/.exec(flood.stdout.trim().split("\n").at(-1)!)?.[1]);
      await flood.stop();
      console.log(
        `flooded with ${flooded} messages: ${Math.round(megabytes)} MB, dropped ${JSON.stringify(drops)}; ` +
          `relayed meanwhile: ${report.received} of ${report.received + report.lost}`,
      );
      expect(drops["too-many"]).toBeGreaterThan(100);
      expect(megabytes).toBeLessThan(400);
      expect(report.received).toBeGreaterThan(RATE);
      expect(report.lost).toBeLessThan(report.received / 10);
    });

    test("the laptop is carried behind another router in mid-stream: a new hole, and the stream goes on", async () => {
      const { receiver, sender } = await stream("away");
      await lab.roam("away", "away3");
      const { last_seq: seen } = await receiver.report();
      await reportUntil(receiver, "packets again", (report) => report.last_seq! > seen! + RATE, 20_000);
      await sender.stop();
      const report = await receiver.stop();
      console.log(`behind another router: without packets for ${Math.round(report.longest_gap_ms)} ms`);
      expect(report).toMatchObject({ duplicates: 0, corrupt: 0 });
      await path(direct, "punched", 15_000);
    });

    test("relayed, and then somebody opens a port at home: the stream moves there without a loss", async () => {
      const { receiver, sender } = await stream("away2");
      await lab.setPortForward(PORT);
      await home.json("invite", "--endpoint", `${lab.homePublic.address4}:${PORT}`);
      await path(relayed, "direct", 50_000); // it looks every half minute
      const { last_seq: seen } = await receiver.report();
      await reportUntil(receiver, "more of it", (report) => report.last_seq! > seen! + RATE);
      await sender.stop();
      expect(await receiver.stop()).toMatchObject({ lost: 0, duplicates: 0 });
    });
  },
);
