import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Proxy } from "#contract/proxy.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { words } from "#test/support/machine.ts";
import { hasCommand, missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { sendVideo } from "#test/support/traffic/ffmpeg.ts";
import {
  startReceiver,
  startSender,
  type ReceiveOptions,
  type Receiver,
} from "#test/support/traffic/mcast.ts";
import { decodeMembershipPacket } from "#wire/membership-packet.ts";
import { membershipRecords } from "./membership-records.ts";
import { startRouterScene, type RouterScene } from "./proxy-scene.ts";
import { kernelGroups, reportUntil, withPort } from "./streams-scene.ts";

const missing = missingForLab();
const [UP, DOWN, DOWN2] = ["eth0", "eth1", "eth2"] as const;
const COUNT = 200;
const KINDS = [
  { family: 4, group: (n: number) => `239.7.0.${n}` },
  { family: 6, group: (n: number) => `ff1e::7:${n}` },
] as const;

describe.skipIf(missing !== undefined)(
  `castaway proxy, without a word more${missing ? ` (${missing})` : ""}`,
  () => {
    let scene: RouterScene;
    let proxy: TestDaemon;

    beforeAll(async () => {
      scene = startRouterScene("proxy", [UP, DOWN, DOWN2]);
      proxy = await TestDaemon.start(scene.router, { command: "proxy" });
    });
    afterAll(async () => {
      await proxy?.dispose();
      await scene?.dispose();
    });

    const receive = (
      behind: string,
      group: string,
      options: Partial<ReceiveOptions> = {},
    ): Promise<Receiver> =>
      startReceiver(scene.behind(behind), {
        group: withPort(group),
        interface: "lan",
        bind: "group",
        ...options,
      });
    const send = async (behind: string, group: string, count = COUNT): Promise<void> => {
      const sender = await startSender(scene.behind(behind), {
        group: withPort(group),
        interface: "lan",
        rate: 1000,
        count,
      });
      expect(await sender.finished()).toMatchObject({ sent: count });
    };
    const joined = (group: string, on: string = UP) =>
      expect.poll(async () => (await kernelGroups(scene.router, on)).includes(group), { timeout: 10_000 });
    /** All of them, each once. */
    const expectAll = async (receiver: Receiver, count = COUNT): Promise<void> => {
      const report = await reportUntil(receiver, "all packets", ({ received }) => received >= count);
      expect(report).toMatchObject({ received: count, datagrams: count, corrupt: 0, ttls: [15] });
    };

    test("the default route's interface is the upstream, and no device, port or key is made", async () => {
      expect(await proxy.json<Proxy>("proxy", "status")).toMatchObject({
        state: "running",
        upstream: UP,
        downstream: [DOWN, DOWN2],
      });
      const { vifs, networks, lans } = await proxy.status();
      expect(vifs.map(({ name }) => name)).toEqual([UP, DOWN, DOWN2]);
      expect(networks).toEqual([]);
      expect(lans.every(({ mode }) => mode === "full")).toBe(true);
      const { stdout } = await scene.router.exec("ss", ["-Hlnut"]);
      for (const line of stdout.split("\n").filter(Boolean)) expect(line).toContain("127.0.0.1");
    });

    describe.each(KINDS)("IPv$family", ({ family, group: groupOf }) => {
      test("what listeners want is joined upstream, with their sources, and each has it once", async () => {
        const [any, chosen, unshared] = [groupOf(1), groupOf(2), family === 4 ? "224.3.2.6" : "ff04::7:6"];
        const source = scene.address(UP, family, "host");
        const wire = await Capture.start(scene.behind(UP), "lan");
        const receivers = await Promise.all([
          receive(DOWN, any),
          receive(DOWN2, any),
          receive(DOWN, chosen, { sources: [source] }),
          receive(DOWN2, unshared),
        ]);
        for (const group of [any, chosen, unshared]) await joined(group).toBe(true);
        await wire.until("the kernel says so", (packet) => membershipRecords([packet], chosen).length > 0);
        // RFC 4605: on downstreams we are the router, and join nothing.
        for (const on of [DOWN, DOWN2]) expect(await kernelGroups(scene.router, on)).not.toContain(any);
        for (const group of [any, chosen, unshared]) await send(UP, group);
        for (const receiver of receivers) await expectAll(receiver);
        const records = membershipRecords(await wire.stop(), chosen);
        expect(records.map(({ type, sources }) => [type, sources])).toEqual(
          records.map(() => [expect.stringMatching(/^(allow|is-include)$/), [source]]),
        );
        await Promise.all(receivers.map((receiver) => receiver.stop()));
        for (const group of [any, chosen, unshared]) await joined(group).toBe(false);
      });

      test("what is sent behind a downstream goes to the upstream, and to listeners behind others", async () => {
        const group = groupOf(3);
        const wire = await Capture.start(scene.behind(UP), "lan", 64);
        const other = await receive(DOWN2, group);
        await proxy.until("the listener", ({ groups }) => groups.some((one) => one.group === group));
        await send(DOWN, group);
        await send(DOWN, groupOf(4)); // nobody listens anywhere
        const count = async (of: string): Promise<number> =>
          (await wire.packets()).filter(({ destination }) => destination === of).length;
        for (const of of [group, groupOf(4)]) {
          await expect.poll(() => count(of), { timeout: 10_000 }).toBeGreaterThanOrEqual(COUNT);
          expect(await count(of)).toBe(COUNT);
        }
        await expectAll(other);
        await other.stop();
        const queries = (await wire.stop()).filter(({ bytes }) => isQuery(bytes));
        expect(queries).toEqual([]); // an upstream is never asked
      });

      test("hosts of the older versions are served as well", async () => {
        const name = family === 4 ? "ipv4/conf/lan/force_igmp_version" : "ipv6/conf/lan/force_mld_version";
        for (const version of family === 4 ? [1, 2] : [1]) {
          const group = groupOf(10 + version);
          await scene.behind(DOWN).exec("sh", ["-c", `echo ${version} > /proc/sys/net/${name}`]);
          const receiver = await receive(DOWN, group);
          await joined(group).toBe(true);
          await send(UP, group);
          await expectAll(receiver);
          await receiver.stop();
          if (version > 1 || family === 6) await joined(group).toBe(false); // IGMPv1 knows no leave
        }
        await scene.behind(DOWN).exec("sh", ["-c", `echo 0 > /proc/sys/net/${name}`]);
      });
    });

    describe("VLC behind a downstream, ffmpeg behind the upstream", () => {
      test.for(KINDS)("IPv$family", async ({ family, group: groupOf }, context) => {
        const absent = ["cvlc", "ffmpeg", "setpriv"].filter((command) => !hasCommand(command));
        if (absent.length > 0) context.skip(`needs ${absent.join(", ")}`);
        const group = withPort(groupOf(20));
        const folder = mkdtempSync(join(tmpdir(), "castaway-vlc-"));
        chmodSync(folder, 0o777);
        const localAddress = scene.address(UP, family, "host");
        const sender = sendVideo(scene.behind(UP), {
          group,
          bare: true,
          ...(family === 4 && { localAddress }),
        });
        const shown =
          "--video-filter=scene --vout=dummy --scene-format=png --scene-ratio=25 --scene-prefix=frame";
        const vlc = scene.behind(DOWN).spawn(
          "setpriv",
          [
            ...words("--reuid=65534 --regid=65534 --clear-groups cvlc -I dummy --no-audio"), // it refuses to run as root
            ...words(`${shown} --scene-path=${folder} udp://@${group}`),
          ],
          { env: { HOME: folder, XDG_RUNTIME_DIR: folder }, label: "cvlc" },
        );
        try {
          const pictures = (): string[] => readdirSync(folder).filter((name) => name.startsWith("frame"));
          await expect
            .poll(() => pictures().length, { timeout: 40_000, message: "pictures that VLC decoded" })
            .toBeGreaterThan(2);
          const { groups } = await proxy.status();
          expect(groups.find((one) => one.group === groupOf(20))).toMatchObject({
            inVif: UP,
            payload: "mpegts",
            listeners: [{ vif: DOWN }],
          });
        } finally {
          await Promise.all([vlc.stop(), sender.stop()]);
          rmSync(folder, { recursive: true, force: true });
        }
      });
    });

    test("what belongs to one link stays there", async () => {
      const wire = await Capture.start(scene.behind(UP), "lan", 64);
      const stays = ["224.0.0.200", "239.255.255.250", "ff02::7", "ff05::c"];
      for (const group of stays) await send(DOWN, group, 20);
      await send(DOWN, "239.7.1.1", 20);
      await wire.until("the control", ({ destination }) => destination === "239.7.1.1");
      const crossed = new Set((await wire.stop()).map(({ destination }) => destination));
      expect(stays.filter((group) => crossed.has(group))).toEqual([]);
    });

    test("an interface that appears later is a downstream, and one without the way out stays none", async () => {
      scene.add("eth3");
      await proxy.until("eth3", ({ vifs }) => vifs.some(({ name }) => name === "eth3"));
      const receiver = await receive("eth3", "239.7.2.1");
      await joined("239.7.2.1").toBe(true);
      await send(UP, "239.7.2.1");
      await expectAll(receiver);

      await scene.router.exec("ip", ["route", "del", "default"]);
      await scene.router.exec("ip", ["-6", "route", "del", "default"]);
      const waiting = await proxy.until("no upstream", ({ proxy: { state } }) => state === "waiting");
      expect(waiting.proxy.detail).toContain("--upstream");
      // The other way out: what was the upstream is not asked like a LAN.
      await scene.router.exec("ip", ["route", "add", "default", "via", scene.address(DOWN2, 4, "host")]);
      await proxy.until("eth2", (snapshot) => snapshot.proxy.upstream === DOWN2);
      expect((await proxy.status()).proxy.downstream).toEqual([DOWN, "eth3"]);
      await joined("239.7.2.1", DOWN2).toBe(true);
      await receiver.stop();
    });
  },
);

function isQuery(bytes: Uint8Array): boolean {
  const decoded = decodeMembershipPacket(bytes);
  return !("refused" in decoded) && decoded.message.kind === "query";
}
