// More multicast than a path carries, and limits set by hand: that member's stream suffers, nobody else's.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Member } from "#contract/snapshot.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender, type Receiver } from "#test/support/traffic/mcast.ts";
import { dropsOf, startScene, type Scene } from "./streams-scene.ts";

const missing = missingForLab("tc");
const TS_PAYLOAD = 7 * 188;
/** Of 1,316 bytes each: 6 Mbit/s. */
const PER_SECOND = 570;
const NARROW_KBIT = 2_000;
const PATIENCE_MS = 40_000;

describe.skipIf(missing !== undefined)(
  `a stream of 6 Mbit/s to two guests, one of them behind 2 Mbit/s${missing ? ` (${missing})` : ""}`,
  () => {
    let scene: Scene;
    let groups = 0;
    const running: { stop(): Promise<unknown> }[] = [];

    beforeAll(async () => {
      scene = await startScene();
    });
    afterEach(async () => {
      for (const program of running.splice(0)) await program.stop();
    });
    afterAll(async () => scene?.dispose());

    async function stream(to: readonly string[]): Promise<readonly Receiver[]> {
      const { lab } = scene;
      const group = `239.32.0.${++groups}:${5200 + groups}`;
      const receivers = await Promise.all(to.map((name) => startReceiver(lab.host(name), { group })));
      const sender = { group, size: TS_PAYLOAD, rate: PER_SECOND, interface: "lan" };
      running.push(await startSender(lab.host("source"), sender), ...receivers);
      for (const receiver of receivers) await receiver.first(PATIENCE_MS);
      return receivers;
    }

    type Sending = NonNullable<Member["sending"]>;

    async function sendingTo(guest: "away" | "away2"): Promise<Sending> {
      const { number } = scene.members[guest];
      const { networks } = await scene.members.home.daemon.status();
      return networks[0]!.members.find((member) => member.number === number)!.sending!;
    }

    async function until(what: string, guest: "away" | "away2", holds: (sending: Sending) => boolean) {
      const start = performance.now();
      for (;;) {
        const sending = await sendingTo(guest);
        const took = performance.now() - start;
        if (holds(sending)) return { sending, took: Math.round(took) };
        if (took > PATIENCE_MS)
          throw new Error(`not within ${PATIENCE_MS} ms: ${what}: ${JSON.stringify(sending)}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }

    test("the narrow path: its loss ends, the other guest gets everything, and it is told", async () => {
      const [away, away2] = await stream(["away", "away2"]);
      await scene.lab.setRate("away", NARROW_KBIT);
      const limited = await until("limited", "away", ({ breaker }) => breaker === "limiting");
      console.log(`limited after ${limited.took} ms: ${JSON.stringify(limited.sending)}`);
      expect(limited.sending.breakerBps!).toBeLessThan(4_000_000);
      const calm = await until("hardly any loss", "away", ({ lossRatio }) => lossRatio! < 0.05);
      console.log(`calm after ${calm.took} ms more: ${JSON.stringify(calm.sending)}`);

      // What arrives is most of what the path carries.
      const before = await away!.report();
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const after = await away!.report();
      const rate = ((after.bytes - before.bytes) * 8) / 3;
      console.log(`${(rate / 1e6).toFixed(2)} Mbit/s arrive`);
      expect(rate).toBeGreaterThan(900_000);
      expect(rate).toBeLessThan(NARROW_KBIT * 1_000);
      expect(after).toMatchObject({ corrupt: 0, duplicates: 0 });
      expect(await away2!.report()).toMatchObject({ lost: 0, corrupt: 0, duplicates: 0 });

      const { home } = scene.members;
      expect(await dropsOf(home, scene.peerVif("away"), "circuit-breaker")).toBeGreaterThan(0);
      expect(await dropsOf(home, scene.peerVif("away2"), "circuit-breaker")).toBe(0);
      expect((await sendingTo("away2")).breaker).toBe("closed");
      const shown = async (...words: string[]) => (await home.daemon.castaway(...words)).stdout;
      expect(await shown("status")).toMatch(/circuit breaker: at most [\d.]+ [kM]bit\/s of multicast/);
      expect(await shown("members")).toMatch(/circuit breaker: at most/);
      expect(await shown("stats")).toMatch(
        /dropped, circuit-breaker +\d+ packets[^]*path\.breakers-limiting +1/,
      );
      expect(home.daemon.output).toMatch(/circuit breaker: the path loses too much/);
    });

    test("the path is wide again: the limit grows", async () => {
      const [away] = await stream(["away"]);
      const { breakerBps } = await sendingTo("away");
      await scene.lab.setRate("away", false);
      const from = breakerBps ?? 0;
      const grown = await until("grown", "away", ({ breaker, breakerBps }) => {
        return breaker === "closed" || breakerBps! > from + 300_000;
      });
      console.log(`from ${from} to ${grown.sending.breakerBps} bit/s within ${grown.took} ms`);
      expect((await away!.report()).corrupt).toBe(0);
    });

    test("a limit that is set for a member holds, for that member alone", async () => {
      const { home } = scene.members;
      const limit = (rate: string) =>
        home.daemon.json("members", "limit", String(scene.members.away2.number), rate);
      await limit("1M");
      const [away2] = await stream(["away2"]);
      const before = await away2!.report();
      const start = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const after = await away2!.report();
      const rate = ((after.bytes - before.bytes) * 8_000) / (performance.now() - start);
      console.log(`limited to 1M: ${(rate / 1e6).toFixed(2)} Mbit/s arrive`);
      expect(rate).toBeLessThan(1_400_000); // with a burst, and reports that take their time
      expect(rate).toBeGreaterThan(300_000);
      expect(await dropsOf(home, scene.peerVif("away2"), "member-limit")).toBeGreaterThan(0);
      expect(await dropsOf(home, scene.peerVif("away"), "member-limit")).toBe(0);
      expect((await home.daemon.castaway("status")).stdout).toContain("limited to 1.00 Mbit/s");
      await limit("off");
      const free = await away2!.report();
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const more = await away2!.report();
      expect(((more.bytes - free.bytes) * 8) / 2).toBeGreaterThan(2_000_000);
    });
  },
);
