// A path that carries less than Ethernet, found out without a word from ICMP, while a stream flows.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender, type Receiver } from "#test/support/traffic/mcast.ts";
import { dropsOf, reportUntil, startScene, vifOf, type MemberName, type Scene } from "./streams-scene.ts";

const missing = missingForLab();
const TS_PAYLOAD = 7 * 188;
const BIG_PAYLOAD = 8_000;
const PATIENCE_MS = 30_000;

describe.skipIf(missing !== undefined)(
  `routers on the way carry less than 1,500 bytes, and say nothing${missing ? ` (${missing})` : ""}`,
  () => {
    let scene: Scene;
    let groups = 0;
    const running: { stop(): Promise<unknown> }[] = [];

    beforeAll(async () => {
      scene = await startScene();
      await scene.lab.setTooBigSilent("away", true);
    });
    afterEach(async () => {
      for (const program of running.splice(0)) await program.stop();
    });
    afterAll(async () => scene?.dispose());

    /** A stream that has begun to arrive. The source of all of them is in the home LAN, or the away laptop itself. */
    async function stream(
      from: "source" | "away" | "away2",
      size: number,
      rate: number,
      to: readonly string[],
    ): Promise<readonly Receiver[]> {
      const { lab } = scene;
      const group = `239.31.0.${++groups}:${5100 + groups}`;
      const receivers = await Promise.all(to.map((name) => startReceiver(lab.host(name), { group })));
      const via = from === "source" ? { interface: "lan" } : {};
      running.push(await startSender(lab.host(from), { group, size, rate, ...via }), ...receivers);
      for (const receiver of receivers) await receiver.first(PATIENCE_MS);
      return receivers;
    }

    /** What an end of the way between home and a guest has found out about sending on it. */
    async function pathMtu(end: "home" | "guest", guest: MemberName = "away"): Promise<number | null> {
      const { members } = scene;
      if (end === "home") return vifOf(await members.home.daemon.status(), scene.peerVif(guest)).mtu;
      const { vifs } = await members[guest].daemon.status();
      return vifs.find(({ kind }) => kind === "peer")?.mtu ?? null;
    }

    /** Ms until it is found. */
    async function found(mtu: number, end: "home" | "guest", guest: MemberName = "away"): Promise<number> {
      const start = performance.now();
      for (;;) {
        const seen = await pathMtu(end, guest);
        const took = performance.now() - start;
        if (seen === mtu) return Math.round(took);
        if (took > PATIENCE_MS) throw new Error(`not ${mtu} within ${PATIENCE_MS} ms, but ${seen}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }

    /** Of what is sent from now on everything arrives, and as it was sent. Returns the longest gap before. */
    async function allArrives(receiver: Receiver, datagrams: number): Promise<number> {
      const before = await receiver.report();
      const after = await reportUntil(
        receiver,
        `${datagrams} more`,
        (report) => report.last_seq! >= before.last_seq! + datagrams,
        PATIENCE_MS,
      );
      expect(after.lost - before.lost).toBe(0);
      expect(after).toMatchObject({ corrupt: 0, duplicates: 0 });
      return Math.round(before.longest_gap_ms);
    }

    test("an ordinary path is known at once, to both ends", async () => {
      for (const guest of ["away", "away2"] as const)
        for (const end of ["home", "guest"] as const) await found(1500, end, guest);
    });

    test("1,380 in mid-stream: 1,316-byte payloads arrive whole again soon, the other guest's always", async () => {
      const [away, away2] = await stream("source", TS_PAYLOAD, 200, ["away", "away2"]);
      await scene.lab.setPathMtu("away", 1380);
      const took = await found(1380, "home");
      const gap = await allArrives(away!, 400);
      console.log(`1380 known after ${took} ms; without packets for ${gap} ms`);
      expect(gap).toBeLessThan(15_000);
      expect(await away2!.report()).toMatchObject({ lost: 0, duplicates: 0, corrupt: 0 });
      expect(await pathMtu("home", "away2")).toBe(1500);
    });

    test("the way back, on which nothing large went since, is found out by itself", async () => {
      const [listener] = await stream("away", TS_PAYLOAD, 200, ["listener"]);
      const took = await found(1380, "guest");
      const gap = await allArrives(listener!, 200);
      console.log(`way back: 1380 known after ${took} ms; without packets for ${gap} ms`);
    });

    test("programs that do not want their packets cut are told what passes, and lose nothing", async () => {
      const { members, lab } = scene;
      const { address4, address6 } = members.home;
      const away = lab.host("away");
      // The tunnel's own headers take 48 bytes of a datagram, and IP and UDP 28 of the path's 1,380.
      const mtu = 1380 - 28 - 48;
      for (const [family, address, headers] of [
        ["-4", address4, 28],
        ["-6", address6, 48],
      ] as const) {
        const size = String(1400 - headers);
        const words = [family, "-M", "do", "-s", size, "-c", "1", "-W", "5", address];
        const first = await away.exec("ping", words, { anyExit: true });
        expect(first.stdout).toMatch(new RegExp(`mtu ?= ?${mtu}`, "i"));
        const { stdout } = await away.exec("ip", ["route", "get", address]);
        expect(stdout).toContain(`mtu ${mtu}`);
        // Who lets the kernel cut gets everything through, whatever the size.
        await away.exec("ping", [
          family,
          "-M",
          "want",
          "-s",
          "8000",
          "-c",
          "3",
          "-i",
          "0.2",
          "-W",
          "5",
          address,
        ]);
      }
    });

    test("wide again: the MTU grows back, without anybody's help", async () => {
      await scene.lab.setPathMtu("away", 1500);
      const took = await found(1500, "home");
      console.log(`1500 again after ${took} ms`);
      const { stdout } = await scene.members.home.daemon.castaway("members");
      expect(stdout).toMatch(/MTU[^]*\b1500\b/);
    });

    test("1,280 in mid-stream: 8,000-byte datagrams arrive whole again soon, the other guest's always", async () => {
      const { lab, members } = scene;
      await lab.setTooBigSilent("away2", true);
      await lab.setPathMtu("away2", 1500);
      // From the LAN they come in pieces of 1,500 bytes, which are cut in halves: those pass in any case.
      const [away, away2] = await stream("source", BIG_PAYLOAD, 30, ["away", "away2"]);
      const [listener] = await stream("away2", BIG_PAYLOAD, 30, ["listener"]);
      await found(1500, "guest", "away2");
      await lab.setPathMtu("away2", 1280);
      const took = await found(1280, "guest", "away2");
      const gap = await allArrives(listener!, 60);
      console.log(`1280 known after ${took} ms; without packets for ${gap} ms`);
      expect(gap).toBeLessThan(15_000);
      await allArrives(away2!, 60);
      expect(await away!.report()).toMatchObject({ lost: 0, duplicates: 0, corrupt: 0 });
      expect(await dropsOf(members.home, scene.peerVif("away2"), "too-big")).toBe(0);
    });

    test("a computer's own interface takes less: its stream goes on", async () => {
      const away = scene.lab.host("away");
      const [listener] = await stream("away", TS_PAYLOAD, 200, ["listener"]);
      await found(1500, "guest");
      await away.exec("ip", ["link", "set", away.interfaceName, "mtu", "1400"]);
      const took = await found(1400, "guest");
      const gap = await allArrives(listener!, 400);
      console.log(`own interface: 1400 known after ${took} ms; without packets for ${gap} ms`);
      expect(gap).toBeLessThan(15_000);
    });
  },
);
