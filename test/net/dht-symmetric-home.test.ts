import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { startLabDht } from "#test/support/dht/lab-dht.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { reportUntil } from "./streams-scene.ts";

const missing = missingForLab();
const GROUP = "239.10.8.2";
/** The library draws ports until one fits: five seconds on average, half a minute with bad luck. */
const DRAW_MS = 70_000;

describe.skipIf(missing !== undefined)(
  `a home behind a symmetric NAT, and no node that relays${missing ? ` (${missing})` : ""}`,
  () => {
    let lab: Lab;
    let home: TestDaemon;
    let away: TestDaemon;

    beforeAll(async () => {
      lab = await Lab.create();
      await lab.setNat("home", "symmetric");
      await lab.setNat("away", "endpoint-independent");
      for (const site of ["home", "away"]) await lab.setNoIpv6(site);
      const { bootstrap } = await startLabDht(lab);
      [home, away] = await Promise.all([
        TestDaemon.inLab(lab, "home", { lan: ["lan=full"] }),
        TestDaemon.inLab(lab, "away"),
      ]);
      await home.json("reach", "--port-mapping", "off", "--dht-bootstrap", bootstrap);
      await away.json("reach", "--dht-bootstrap", bootstrap);
      await home.json("up", "--name", "home");
    });
    afterAll(() => lab?.dispose());

    test(
      "the DHT's processes find a way to each other, and a stream comes through them",
      async () => {
        const { link } = await home.json<{ link: string }>("invite");
        await home.until("it is announced", ({ reach }) => reach.dhtState.announced > 0, 20_000);
        const before = performance.now();
        await away.castaway("join", link); // may give up before they do; the daemon does not
        const { networks } = await away.until(
          "it is connected",
          (now) => now.networks[0]?.state === "connected",
          DRAW_MS,
        );
        console.log(
          `DHT, home symmetric, no relay: connected after ${Math.round(performance.now() - before)} ms`,
        );
        expect(networks[0]!.members.find(({ role }) => role === "host")).toMatchObject({ path: "relayed" });
        const receiver = await startReceiver(lab.host("away"), { group: GROUP });
        const sender = await startSender(lab.host("source"), { group: GROUP, interface: "lan", rate: 200 });
        await reportUntil(receiver, "the stream comes", ({ received }) => received > 200, 20_000);
        await sender.stop();
        expect((await receiver.stop()).duplicates).toBe(0);
      },
      2 * DRAW_MS,
    );
  },
);
