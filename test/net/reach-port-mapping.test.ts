import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "#contract/client.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import {
  MAPPABLE_UPLINK,
  startPortMapping,
  type MappingWay,
  type PortMappingRouter,
} from "#test/support/lab/port-mapping-router.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { sendVideo, VideoReceiver } from "#test/support/traffic/ffmpeg.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";

const missing = missingForLab("miniupnpd", "ffmpeg");
const PORT = 42268;
const REDIRECTS = [`tcp ${PORT} -> 192.168.1.10:${PORT}`, `udp ${PORT} -> 192.168.1.10:${PORT}`];
/** Where UDP works: the issue's limit for the time from Connect to the first packet. */
const CONNECT_MS = 2_000;

async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe.skipIf(missing !== undefined)(
  `the home is behind a router that opens ports${missing ? ` (${missing})` : ""}`,
  () => {
    describe.each(["pcp", "nat-pmp", "upnp"] as const)("by %s", (way: MappingWay) => {
      let lab: Lab;
      let router: PortMappingRouter;
      let home: TestDaemon;
      let away: TestDaemon;

      beforeAll(async () => {
        lab = await Lab.create({ homeUplink: MAPPABLE_UPLINK });
        await lab.setInboundBlocked6("home", true);
        router = await startPortMapping(lab, "home", way);
        [home, away] = await Promise.all([
          TestDaemon.inLab(lab, "home", { lan: ["lan=full"] }),
          TestDaemon.inLab(lab, "away"),
        ]);
      });
      afterAll(() => lab?.dispose());

      test("an invite that names no address leads in, and a running video plays away", async () => {
        const group = "239.10.2.1";
        const sender = await startSender(lab.host("source"), { group, interface: "lan", rate: 200 });
        sendVideo(lab.host("source"), {
          group: "239.10.2.2:5004",
          localAddress: lab.host("source").address4,
        });
        await home.json("up", "--name", "home");
        const { link, endpoints } = await home.json<{ link: string; endpoints: string[] }>("invite");
        expect(endpoints[0]).toBe(`${lab.homePublic.address4}:${PORT}`);
        expect(await router.redirects()).toEqual(REDIRECTS);
        const { reach } = await home.status();
        expect(reach.mapping).toMatchObject({ state: "mapped", method: way });

        const receiver = await startReceiver(lab.host("away"), { group });
        const video = new VideoReceiver(lab.host("away"), { group: "239.10.2.2:5004" });
        const client = await connect(away.socketPath); // starting the command line is not part of it
        const before = performance.now();
        await client.call("join", { link });
        const connected = performance.now() - before;
        client.close();
        await receiver.first();
        const took = performance.now() - before;
        console.log(
          `by ${way}: connected after ${Math.round(connected)} ms, first packet after ${Math.round(took)} ms`,
        );
        expect(took).toBeLessThan(CONNECT_MS);
        const seen = await away.until("the path is named", ({ networks }) =>
          networks[0]!.members.some(({ role, path }) => role === "host" && path === "mapped"),
        );
        expect(seen.networks[0]!.detail).toContain("through a port that its router opened");
        await video.until(25, 20_000);
        await receiver.stop();
        await sender.stop();
      });

      test("the port is closed when it is switched off, and opened again", async () => {
        await home.json("reach", "--port-mapping", "off");
        await until("it is closed", async () => (await router.redirects()).length === 0);
        await home.json("reach", "--port-mapping", "on");
        await until("it is open", async () => (await router.redirects()).length === 2);
      });

      test("a daemon that crashed leaves it for its lease alone; the next one has it again", async () => {
        await home.kill("SIGKILL");
        expect(await router.redirects()).toEqual(REDIRECTS);
        await home.restart();
        await home.until("it is open", ({ reach }) => reach.mapping.state === "mapped", 20_000);
        // For TCP too, a moment later: the router takes an old entry out and puts the new one in.
        await expect.poll(() => router.redirects(), { timeout: 10_000 }).toEqual(REDIRECTS);
      });

      // UPnP's announcements are not listened to: there the renewal has to do, after five minutes.
      if (way !== "upnp")
        test("a router that starts anew has it again at once", async () => {
          await router.restart();
          await until("it is open again", async () => (await router.redirects()).length === 2);
        });

      test("the port is closed at the end", async () => {
        const end = await home.kill("SIGTERM");
        expect(end).toMatchObject({ code: 0 }); // by itself, in time
        expect(home.output).toContain("castaway ends");
        expect(await router.redirects()).toEqual([]);
      });
    });

    test("behind the provider's NAT it says that a port is not to be had, and why", async () => {
      const lab = await Lab.create({ homeUplink: "100.64.9" });
      try {
        await startPortMapping(lab, "home", "pcp and nat-pmp");
        const home = await TestDaemon.inLab(lab, "home");
        await home.json("up", "--name", "home");
        const { reach } = await home.until(
          "it is known",
          (now) => now.reach.mapping.state === "none",
          20_000,
        );
        expect(reach.mapping.detail).toContain("no public address");
      } finally {
        await lab.dispose();
      }
    });
  },
);
