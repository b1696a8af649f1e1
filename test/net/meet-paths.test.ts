import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import type { NatKind } from "#test/support/lab/rules.ts";
import { MEET_PORT, TestMeetPoint } from "#test/support/meet-point.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";

const missing = missingForLab();
const GROUP = "239.10.7.1";
/** Where UDP works: the issue's limit for the time from Connect to the first packet. */
const CONNECT_MS = 2_000;

describe.skipIf(missing !== undefined)(
  `a guest finds a home without an open port by a meeting point${missing ? ` (${missing})` : ""}`,
  () => {
    describe.each<{ home: NatKind; away: NatKind; path: string }>([
      { home: "endpoint-independent", away: "endpoint-independent", path: "punched" },
      { home: "symmetric", away: "endpoint-independent", path: "relayed" },
      { home: "symmetric", away: "symmetric", path: "relayed" },
    ])(
      "home behind a NAT that is $home, away behind one that is $away",
      ({ home: homeNat, away: awayNat, path }) => {
        let lab: Lab;
        let home: TestDaemon;
        let away: TestDaemon;

        beforeAll(async () => {
          lab = await Lab.create();
          await lab.setNat("home", homeNat);
          await lab.setNat("away", awayNat);
          for (const site of ["home", "away"]) await lab.setNoIpv6(site);
          await TestMeetPoint.start(lab.host("internet"), "--address", lab.host("internet").address4);
          home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
          away = await TestDaemon.inLab(lab, "away");
          await home.json("reach", "--dht", "off", "--meet", `${lab.host("internet").address4}:${MEET_PORT}`);
          await away.json("reach", "--dht", "off");
          await home.json("up", "--name", "home");
        });
        afterAll(() => lab?.dispose());

        test(`is ${path}, with a running stream`, async () => {
          const sender = await startSender(lab.host("source"), { group: GROUP, interface: "lan", rate: 200 });
          const { link } = await home.json<{ link: string }>("invite");
          const receiver = await startReceiver(lab.host("away"), { group: GROUP });
          const before = performance.now();
          await away.join(link);
          const connected = performance.now() - before;
          await receiver.first();
          const took = performance.now() - before;
          console.log(
            `home ${homeNat}, away ${awayNat}: ${path}; connected after ${Math.round(connected)} ms, ` +
              `first packet after ${Math.round(took)} ms`,
          );
          const { networks } = await away.status();
          expect(networks[0]!.members.find(({ role }) => role === "host")).toMatchObject({ path });
          await sender.stop();
          const report = await receiver.stop();
          expect(report.duplicates).toBe(0);
          expect(took).toBeLessThan(CONNECT_MS);
        });
      },
    );
  },
);
