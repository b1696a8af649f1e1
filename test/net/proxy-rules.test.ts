import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Stats } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { sendGroups } from "#test/support/traffic/groups.ts";
import { startReceiver, startSender, type Receiver, type SendOptions } from "#test/support/traffic/mcast.ts";
import { decodeMembershipPacket, encodeMembershipPacket } from "#wire/membership-packet.ts";
import { startRouterScene, type RouterScene } from "./proxy-scene.ts";
import { kernelGroups, reportUntil, vifOf, withPort } from "./streams-scene.ts";

const missing = missingForLab();
const [UP, DOWN, DOWN2, OFF] = ["eth0", "eth1", "eth2", "eth3"] as const;
const FILE = `
phyint eth0 upstream altnet 10.9.0.0/16 whitelist 239.0.0.0/8 blacklist 239.66.0.0/16
phyint eth1 downstream whitelist 239.0.0.0/8 ratelimit 1M
phyint eth2 downstream threshold 10
phyint eth3 disabled
quickleave
`;
const ALL_V3_ROUTERS = "224.0.0.22";
const IGMP = 2;
/** In front of IGMP: the IPv4 header with the router alert. */
const IP_HEADER = 24;

describe.skipIf(missing !== undefined)(
  `a proxy with rules, of a file${missing ? ` (${missing})` : ""}`,
  () => {
    let scene: RouterScene;
    let proxy: TestDaemon;
    let folder: string;
    let file: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "castaway-proxy-"));
      file = join(folder, "routes.conf");
      writeFileSync(file, FILE);
      scene = startRouterScene("rules", [UP, DOWN, DOWN2, OFF]);
      proxy = await TestDaemon.start(scene.router, { command: "proxy", args: ["--routes", file] });
    });
    afterAll(async () => {
      await proxy?.dispose();
      await scene?.dispose();
      rmSync(folder, { recursive: true, force: true });
    });

    const receive = (behind: string, group: string): Promise<Receiver> =>
      startReceiver(scene.behind(behind), { group: withPort(group), interface: "lan", bind: "group" });
    const send = async (behind: string, group: string, options: Partial<SendOptions> = {}): Promise<void> => {
      const all = { group: withPort(group), interface: "lan", rate: 1000, count: 100, ...options };
      const sender = await startSender(scene.behind(behind), all);
      expect(await sender.finished()).toMatchObject({ sent: all.count });
    };
    const upstream = (): Promise<string[]> => kernelGroups(scene.router, UP);
    const counter = async (name: string): Promise<number> =>
      (await proxy.json<Stats>("stats")).counters[name] ?? 0;
    const drops = async (vif: string, reason: string): Promise<number> =>
      vifOf(await proxy.status(), vif).drops[reason] ?? 0;
    /** Waits for what is wanted, and looks that no more has come. */
    const expectCount = async (receiver: Receiver, count: number): Promise<void> => {
      const report = await reportUntil(receiver, `${count} packets`, ({ received }) => received >= count);
      expect(report).toMatchObject({ received: count, duplicates: 0 });
    };

    test("the file's interfaces, and no other", async () => {
      const { vifs, proxy: view } = await proxy.status();
      expect(vifs.map(({ name }) => name)).toEqual([UP, DOWN, DOWN2]);
      expect(view).toMatchObject({ state: "running", upstream: UP, origin: file, quickLeave: true });
      const { stderr, code } = await proxy.castaway("proxy", "off");
      expect([code !== 0, stderr]).toEqual([true, expect.stringContaining("says what the proxy does")]);
    });

    test("lists: what may not be joined is not, nor crosses the upstream; what stays inside does", async () => {
      const [wanted, listed, inside, other] = ["239.1.1.1", "225.1.1.1", "239.66.1.1", "225.2.2.2"];
      const receivers = await Promise.all([
        receive(DOWN, wanted),
        receive(DOWN, listed), // none of its LAN's list
        receive(DOWN2, inside), // on the upstream's other list
        receive(DOWN2, other), // none of the upstream's list
      ]);
      await expect.poll(upstream, { timeout: 10_000 }).toContain(wanted);
      await expect.poll(() => counter("membership.refused-by-rules"), { timeout: 10_000 }).toBeGreaterThan(0);
      await proxy.until("all listeners", ({ groups }) =>
        [inside, other].every((g) => groups.some((one) => one.group === g)),
      );
      expect(await upstream()).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^(225\.|239\.66)/)]),
      );
      const wire = await Capture.start(scene.behind(UP), "lan", 64);
      // Few enough for the rate of their LAN.
      for (const group of [wanted, listed, inside, other]) await send(UP, group, { count: 30 });
      await expectCount(receivers[0]!, 30);
      for (const group of [inside, wanted]) await send(DOWN, group);
      await expectCount(receivers[2]!, 100); // those from behind the other downstream alone
      await wire.until("the control", ({ destination, out }) => destination === wanted && !out);
      const crossed = new Set(
        (await wire.stop()).filter(({ out }) => !out).map(({ destination }) => destination),
      );
      expect([...crossed].filter((group) => group.startsWith("239.66"))).toEqual([]);
      for (const i of [1, 3]) expect(await receivers[i]!.stop()).toMatchObject({ received: 0 });
      expect(await drops(UP, "interface-rules")).toBe(90);
      await Promise.all([receivers[0]!.stop(), receivers[2]!.stop()]);
    });

    test("sources: those that are named and those of its own network come in by the upstream, and no others", async () => {
      const group = "239.1.1.2";
      const machine = scene.behind(UP);
      for (const source of ["10.9.0.5", "10.8.0.5"])
        await machine.exec("ip", ["addr", "add", `${source}/32`, "dev", "lan"]);
      const receiver = await receive(DOWN2, group);
      await expect.poll(upstream, { timeout: 10_000 }).toContain(group);
      const before = await drops(UP, "interface-rules");
      await send(UP, group, { source: "10.8.0.5" });
      await send(UP, group, { source: "10.9.0.5" });
      await send(UP, group);
      await expectCount(receiver, 200);
      expect(await drops(UP, "interface-rules")).toBe(before + 100);
      await receiver.stop();
    });

    test("rate and threshold: of their interface alone, and what is too much is counted", async () => {
      const group = "239.1.1.3";
      const receivers = await Promise.all([receive(DOWN, group), receive(DOWN2, group)]);
      await proxy.until(
        "both",
        ({ groups }) => groups.find((one) => one.group === group)?.listeners.length === 2,
      );
      const before = await drops(DOWN, "interface-limit");
      await send(UP, group, { count: 800 }); // 8.6 Mbit in 0.8 s
      await expectCount(receivers[1]!, 800);
      const { received } = await receivers[0]!.report();
      // 1 Mbit a second, and what may leave at once.
      expect(received).toBeGreaterThan(50);
      expect(received).toBeLessThan(400);
      expect(await drops(DOWN, "interface-limit")).toBe(before + 800 - received);
      await send(UP, group, { count: 20, ttl: 10 });
      await expect.poll(() => drops(DOWN2, "ttl-threshold"), { timeout: 10_000 }).toBe(20);
      expect((await receivers[1]!.report()).received).toBe(800);
      await Promise.all(receivers.map((receiver) => receiver.stop()));
    });

    test("quickleave asks who is left with 200 ms to answer, twice, then the group is given up", async () => {
      const group = "239.1.1.4";
      const wire = await Capture.start(scene.behind(DOWN), "lan");
      const receiver = await receive(DOWN, group);
      await expect.poll(upstream, { timeout: 10_000 }).toContain(group);
      await receiver.stop();
      await expect.poll(upstream, { timeout: 10_000 }).not.toContain(group);
      const asked = (await wire.stop()).flatMap(({ bytes }) => {
        const decoded = decodeMembershipPacket(bytes);
        if ("refused" in decoded || decoded.message.kind !== "query") return [];
        return decoded.message.group === group ? [decoded.message.maxResponseMs] : [];
      });
      // Once more where the host's second leave comes between the last question and the end.
      expect(asked.length).toBeGreaterThanOrEqual(2);
      expect(asked.length).toBeLessThanOrEqual(4);
      expect(new Set(asked)).toEqual(new Set([200]));
    });

    test("ten thousand groups of one host, and reports that are none: bounded, counted, and the others go on", async () => {
      const [group, host] = ["239.1.1.5", scene.behind(DOWN2)];
      const receiver = await receive(DOWN, group);
      await expect.poll(upstream, { timeout: 10_000 }).toContain(group);
      const report = (first: number, count: number): string => {
        const records = Array.from({ length: count }, (_, i) => {
          const number = first + i;
          return {
            type: "to-exclude" as const,
            group: `239.100.${number >> 8}.${number & 255}`,
            sources: [],
          };
        });
        const message = { kind: "report", version: 3, records } as const;
        return encodeMembershipPacket(message, "10.1.3.2").slice(IP_HEADER).toHex();
      };
      const raw = { group: ALL_V3_ROUTERS, protocol: IGMP, ttl: 1, alert: true };
      const floods = Array.from({ length: 100 }, (_, i) => ({ ...raw, payload: report(100 * i, 100) }));
      await sendGroups(host, "lan", floods, 1);
      await expect
        .poll(() => counter("membership.dropped-too-many-groups"), { timeout: 20_000 })
        .toBeGreaterThanOrEqual(10_000 - 1024);
      const garbage = [
        "22",
        "2200ddff00000001",
        "2200000000000001",
        "16",
        "ff".repeat(40),
        "00".repeat(1200),
      ];
      await sendGroups(
        host,
        "lan",
        garbage.map((payload) => ({ ...raw, payload })),
        50,
      );
      const refused = async (): Promise<number> => {
        const { counters } = await proxy.json<Stats>("stats");
        return Object.entries(counters).reduce(
          (sum, [name, count]) => (/^membership\.refused-(?!by-rules)/.test(name) ? sum + count : sum),
          0,
        );
      };
      await expect.poll(refused, { timeout: 20_000 }).toBe(garbage.length * 50);
      await send(UP, group, { count: 30 });
      await expectCount(receiver, 30);
      await receiver.stop();
    });

    test("SIGUSR1 writes the dump beside the control socket, for its owner alone", async () => {
      const receiver = await receive(DOWN, "239.1.1.6");
      await expect.poll(upstream, { timeout: 10_000 }).toContain("239.1.1.6");
      await send(UP, "239.1.1.6", { count: 20 });
      await expectCount(receiver, 20);
      process.kill(proxy.pid, "SIGUSR1");
      const path = join(proxy.folder, "castaway.dump");
      await expect.poll(() => proxy.output, { timeout: 10_000 }).toContain(path);
      const dump = readFileSync(path, "utf8");
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const entry = /Group : 239\.1\.1\.6\n[^]*?(?=\nGroup|\n\d+ groups)/.exec(dump)![0];
      for (const part of [
        /Incoming interface +: eth0/,
        /Interface +: eth1/,
        /Packets +: 20\n/,
        /Bytes +: \d{5}/,
        /Age +: /,
      ])
        expect(entry).toMatch(part);
      expect(dump).toMatch(
        /Interface : eth1\n[^]*IGMP version +: v3, querier this daemon\n +Queries sent +: [1-9]/,
      );
      expect(dump).toMatch(/Upstream +: eth0\n +Downstream +: eth1, eth2/);
      await receiver.stop();
    });

    test("a file with a mistake is told with its line, and what was in force stays", async () => {
      writeFileSync(file, `${FILE}phyint ${OFF} upstream\n`);
      const { code, stderr } = await proxy.castaway("reload");
      expect([code !== 0, stderr]).toEqual([
        true,
        expect.stringContaining(`${file}:7: a proxy has one upstream`),
      ]);
      const check = await proxy.castaway("check-config", file);
      expect([check.code, check.stdout]).toEqual([1, expect.stringContaining("1 mistake")]);
      expect((await proxy.status()).proxy).toMatchObject({ state: "running", upstream: UP });
      writeFileSync(file, FILE.replace("eth3 disabled", "eth3 downstream"));
      await proxy.json("reload");
      expect((await proxy.status()).proxy.downstream).toEqual([DOWN, DOWN2, OFF]);
    });
  },
);
