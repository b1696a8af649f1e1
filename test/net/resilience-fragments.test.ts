// A member that comes in with a good invite, and sends authentic frames that no honest one would.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Stats } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender, type Receiver, type Sender } from "#test/support/traffic/mcast.ts";
import { PORT } from "./streams-scene.ts";

const missing = missingForLab();
const MALLORY = fileURLToPath(new URL("../support/hostile/member.ts", import.meta.url));
const PER_SECOND = 1_500;
const SECONDS = 2;
/** Of 8,000 bytes each, which go in fragments of the tunnel on a path of 1,280 bytes. */
const HONEST_RATE = 50;
const MB = 1 << 20;

describe.skipIf(missing !== undefined)(
  `fragments of a hostile member${missing ? ` (${missing})` : ""}`,
  () => {
    let lab: Lab;
    let home: TestDaemon;
    let receiver: Receiver;
    let sender: Sender;

    beforeAll(async () => {
      lab = await Lab.create({ away: 2, portForward: PORT });
      await lab.setInboundBlocked6("home", true);
      await lab.setPathMtu("away2", 1280);
      home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
      const honest = await TestDaemon.inLab(lab, "away2");
      const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
      await honest.join(link);
      await honest.until("connected", ({ networks }) => networks[0]?.state === "connected");
      const group = "239.33.0.1";
      receiver = await startReceiver(lab.host("listener"), { group });
      sender = await startSender(lab.host("away2"), { group, size: 8_000, rate: HONEST_RATE });
      await receiver.first(30_000);
    });
    afterAll(async () => {
      await sender?.stop();
      await receiver?.stop();
      await lab?.dispose();
    });

    test.each([
      { attack: "endless", reason: "fragment-overflow" },
      { attack: "overlapping", reason: "fragment-overlap" },
      { attack: "oversized", reason: "fragment-malformed" },
      { attack: "largest", reason: "malformed" },
    ])("$attack: counted as $reason, memory bounded, others undisturbed", async ({ attack, reason }) => {
      const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
      const before = await home.json<Stats>("stats");
      const seen = await receiver.report();
      const words = [MALLORY, link, attack, String(PER_SECOND), String(SECONDS)];
      const mallory = lab.host("away").spawn(process.execPath, words, { label: `mallory: ${attack}` });
      const sent = Number((await mallory.line(/^sent \d+$/, 40_000)).slice(5));
      await mallory.stop();
      expect(sent).toBeGreaterThan(1_000);

      const after = await home.json<Stats>("stats");
      const now = await receiver.report();
      const drops = (after.drops[reason] ?? 0) - (before.drops[reason] ?? 0);
      const grown = (after.rssBytes - before.rssBytes) / MB;
      console.log(`${attack}: ${sent} sent, ${drops} ${reason}, memory ${grown.toFixed(1)} MB more`);
      expect(drops).toBeGreaterThan(attack === "largest" ? 10 : sent / 10);
      expect(grown).toBeLessThan(48);
      // The honest member's packets are put together from fragments, in the same pool.
      const honest = now.last_seq! - seen.last_seq!;
      expect(honest).toBeGreaterThan((HONEST_RATE * SECONDS) / 2);
      expect(now.lost - seen.lost).toBeLessThan(honest / 50);
      expect(now.corrupt).toBe(0);
      expect(home.running).toBe(true);
    });
  },
);
