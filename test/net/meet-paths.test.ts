import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "#contract/client.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import type { NatKind } from "#test/support/lab/rules.ts";
import { MEET_PORT, TestMeetPoint } from "#test/support/meet-point.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { sendVideo, VideoReceiver } from "#test/support/traffic/ffmpeg.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";

const missing = missingForLab("ffmpeg");
const VIDEO = "239.10.7.9:5004";
/** The issue's limits for the time from Connect to the first packet: where UDP works, and where it does not. */
const CONNECT_MS = 2_000;
const CONNECT_WITHOUT_UDP_MS = 4_000;

interface Away {
  readonly nat: NatKind;
  readonly udp: boolean;
  readonly path: "punched" | "relayed";
}

const HOMES: readonly { readonly nat: NatKind; readonly away: readonly Away[] }[] = [
  {
    nat: "endpoint-independent",
    away: [
      { nat: "endpoint-independent", udp: true, path: "punched" },
      { nat: "endpoint-independent", udp: false, path: "relayed" },
    ],
  },
  {
    nat: "symmetric",
    away: [
      { nat: "endpoint-independent", udp: true, path: "relayed" },
      { nat: "symmetric", udp: true, path: "relayed" },
    ],
  },
];

describe.skipIf(missing !== undefined)(
  `a guest finds a home without an open port by a meeting point${missing ? ` (${missing})` : ""}`,
  () => {
    describe.each(HOMES)("home behind a NAT that is $nat", ({ nat: homeNat, away }) => {
      let lab: Lab;
      let home: TestDaemon;

      beforeAll(async () => {
        lab = await Lab.create({ away: away.length });
        await lab.setNat("home", homeNat);
        await lab.setNoIpv6("home");
        for (const [i, { nat, udp }] of away.entries()) {
          await lab.setNat(siteOf(i), nat);
          await lab.setNoIpv6(siteOf(i));
          await lab.setUdpBlocked(siteOf(i), !udp);
        }
        await TestMeetPoint.start(lab.host("internet"), "--address", lab.host("internet").address4);
        home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
        const place = `${lab.host("internet").address4}:${MEET_PORT}`;
        await home.json("reach", "--dht", "off", "--port-mapping", "off", "--meet", place);
        await home.json("up", "--name", "home");
        sendVideo(lab.host("source"), { group: VIDEO, localAddress: lab.host("source").address4 });
      });
      afterAll(() => lab?.dispose());

      test.each(away.map((one, i) => ({ ...one, i })))(
        "away behind one that is $nat, UDP let through: $udp; is $path, with a running stream",
        async ({ nat, udp, path, i }) => {
          const guest = await TestDaemon.inLab(lab, siteOf(i));
          await guest.json("reach", "--dht", "off");
          const group = `239.10.7.${i + 1}`;
          const sender = await startSender(lab.host("source"), { group, interface: "lan", rate: 200 });
          const { link } = await home.json<{ link: string }>("invite");
          const receiver = await startReceiver(lab.host(siteOf(i)), { group });
          const video = new VideoReceiver(lab.host(siteOf(i)), { group: VIDEO });
          const client = await connect(guest.socketPath); // starting the command line is not part of it
          const before = performance.now();
          await client.call("join", { link });
          const connected = performance.now() - before;
          client.close();
          await receiver.first();
          const took = performance.now() - before;
          console.log(
            `home ${homeNat}, away ${nat}${udp ? "" : " without UDP"}: ${path}; ` +
              `connected after ${Math.round(connected)} ms, first packet after ${Math.round(took)} ms`,
          );
          await guest.until(`a path that is ${path}`, ({ networks }) =>
            networks[0]!.members.some((member) => member.role === "host" && member.path === path),
          );
          await video.until(25, 20_000);
          await sender.stop();
          const report = await receiver.stop();
          expect(report).toMatchObject({ duplicates: 0, corrupt: 0 });
          expect(took).toBeLessThan(udp ? CONNECT_MS : CONNECT_WITHOUT_UDP_MS);
        },
      );
    });
  },
);

function siteOf(index: number): string {
  return index === 0 ? "away" : `away${index + 1}`;
}
