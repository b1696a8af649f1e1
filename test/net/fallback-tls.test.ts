// Networks that let nothing pass but TLS, directly or through an HTTP proxy.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Child } from "#test/support/child.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { sendVideo, VideoReceiver } from "#test/support/traffic/ffmpeg.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { PROXY_PORT, startTinyproxy } from "#test/support/traffic/tinyproxy.ts";
import { PORT } from "./streams-scene.ts";

const missing = missingForLab("tinyproxy", "ffmpeg", "ss", "openssl");
const figures: string[] = [];

describe.skipIf(missing !== undefined)(
  `away, in a network that lets only TCP port 443 pass${missing ? ` (${missing})` : ""}`,
  () => {
    let lab: Lab;
    let home: TestDaemon;
    let proxy: Child | undefined;
    /** By host: what an attempt before left. */
    const guests = new Map<string, TestDaemon>();

    beforeAll(async () => {
      lab = await Lab.create({ away: 2 });
      await lab.setPortForward([PORT, 443]);
      await lab.setInboundBlocked6("home", true);
      home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
      await home.json("up", "--name", "home");
      await home.json("reach", "--tls", "on");
    });
    afterAll(async () => {
      if (figures.length > 0) console.log(`TLS fallback:\n  ${figures.join("\n  ")}`);
      await lab?.dispose();
    });

    /** Joins, and expects a packet within 4 s and then a television stream, by that path. */
    async function connectAndWatch(
      what: string,
      host: string,
      group: string,
      env: NodeJS.ProcessEnv,
    ): Promise<TestDaemon> {
      await guests.get(host)?.dispose();
      const away = await TestDaemon.inLab(lab, host, { env });
      guests.set(host, away);
      const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
      const sender = await startSender(lab.host("source"), { group, interface: "lan", rate: 200 });
      const receiver = await startReceiver(lab.host(host), { group, interface: "castaway0" });
      const before = performance.now();
      const joined = away.join(link);
      await receiver.first(20_000);
      const took = performance.now() - before;
      await joined;
      figures.push(`${what}, Connect to first packet: ${Math.round(took)} ms`);
      await sender.stop();
      await receiver.stop();
      const { members, detail } = (await away.status()).networks[0]!;
      expect(members.find(({ role }) => role === "host")).toMatchObject({ path: "tls", online: true });
      expect(detail).toContain("over TLS");
      const video = `${group}:5010`;
      const watched = new VideoReceiver(lab.host(host), { group: video });
      const shown = sendVideo(lab.host("source"), {
        group: video,
        localAddress: lab.host("source").address4,
      });
      await watched.until(60, 30_000);
      await watched.child.stop();
      await shown.stop();
      expect(took).toBeLessThan(4_000);
      return away;
    }

    test("through the HTTP proxy that the system has: a running stream, the first packet within 4 s", async () => {
      await lab.setOnlyTcp("away", []);
      await proxy?.stop();
      proxy = await startTinyproxy(lab.host("away-router"));
      const { lan4 } = lab.site("away");
      const env = { https_proxy: `http://${lan4}.1:${PROXY_PORT}` };
      const away = await connectAndWatch("through a proxy", "away", "239.10.3.1", env);
      expect(away.output).not.toMatch(/is gone/);
    });

    test("the network opens up: back on UDP within 10 s", async () => {
      const before = performance.now();
      await lab.setOnlyTcp("away", false);
      await home.until(
        "the guest by UDP",
        ({ networks }) =>
          networks[0]!.members.some(({ role, path }) => role === "guest" && path === "direct"),
        20_000,
      );
      figures.push(`opened up, back on UDP after ${Math.round(performance.now() - before)} ms`);
    });

    test("without a proxy, straight to port 443: a running stream, the first packet within 4 s", async () => {
      await lab.setOnlyTcp("away2", [443]);
      await connectAndWatch("port 443 alone", "away2", "239.10.3.2", {});
    });

    test("whoever looks at the port sees a web server that has nothing", async () => {
      const request = "GET / HTTP/1.1\r\nHost: home.example\r\n\r\n";
      const { stdout } = await lab
        .host("away2")
        .exec("openssl", ["s_client", "-quiet", "-connect", `${lab.homePublic.address4}:443`], {
          input: request,
          anyExit: true,
          timeoutMs: 20_000,
        });
      expect(stdout).toMatch(/^HTTP\/1.1 404 /);
    });
  },
);
