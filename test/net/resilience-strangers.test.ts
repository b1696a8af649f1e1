import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeInvite } from "#protocol/invite/invite-link.ts";
import { inviteKeys } from "#protocol/invite/invite-secret.ts";
import type { Stats } from "#contract/snapshot.ts";
import type { Child } from "#test/support/child.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { PYTHON } from "#test/support/python.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender, type Receiver, type Sender } from "#test/support/traffic/mcast.ts";
import type { StrangerReport } from "#test/support/traffic/stranger.ts";
import { PORT, reportUntil } from "./streams-scene.ts";

const missing = missingForLab();
const STRANGER = fileURLToPath(new URL("../support/traffic/stranger.ts", import.meta.url));
const GARBAGE = fileURLToPath(new URL("../support/traffic/garbage.py", import.meta.url));
const RATE = 500;
const SECONDS = 8;
/** Counts everything that the home sends to the machine of the strangers itself. */
const WATCH = `
table inet watch {
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "home" meta l4proto { udp, icmp, ipv6-icmp } counter
  }
}
`;
const MEMORY = 12 << 20; // bytes: what a collection that is due may leave

// The strangers are on the internet, between the home's router and everyone else. They know the address, and some of
// them the host's public key, as everybody does who ever had an invite.
describe.skipIf(missing !== undefined)(
  `strangers at the home machine's port${missing ? ` (${missing})` : ""}`,
  () => {
    let lab: Lab;
    let home: TestDaemon;
    let away: TestDaemon;
    let hostKey: Uint8Array;
    let inviteId: Uint8Array;
    let streams = 0;

    beforeAll(async () => {
      lab = await Lab.create({ portForward: PORT });
      await lab.setInboundBlocked6("home", true);
      home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
      away = await TestDaemon.inLab(lab, "away");
      const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
      await away.join(link);
      const open = decodeInvite((await home.invite(`${lab.homePublic.address4}:${PORT}`)).link, Date.now());
      hostKey = open.hostPublicKey;
      inviteId = inviteKeys(hostKey, open.secret).id;
      await lab.host("internet").exec("nft", ["-f", "-"], { input: WATCH });
    });
    afterAll(async () => lab?.dispose());

    /** Datagrams that have come back to the strangers' machine so far. */
    async function answered(): Promise<number> {
      const { stdout } = await lab.host("internet").exec("nft", ["list", "chain", "inet", "watch", "input"]);
      return Number(/counter packets (\d+)/.exec(stdout)![1]);
    }

    const call = (rate: number, invite = ""): Child =>
      lab
        .host("internet")
        .spawn(
          process.execPath,
          [STRANGER, lab.homePublic.address4, PORT, hostKey.toHex(), rate, SECONDS, invite]
            .filter(String)
            .map(String),
        );
    const noise = (): Child =>
      lab.host("internet").spawn(PYTHON, [GARBAGE, lab.homePublic.address4, String(PORT), String(SECONDS)]);
    const reportOf = async <Report>(child: Child): Promise<Report> =>
      JSON.parse((await child.finished(60_000)).stdout.trim().split("\n").at(-1)!) as Report;

    interface Streams {
      readonly down: Receiver;
      readonly up: Receiver;
      readonly senders: readonly Sender[];
    }

    async function startStreams(): Promise<Streams> {
      const [downGroup, upGroup] = [`239.12.1.${++streams}`, `239.12.2.${streams}`];
      const down = await startReceiver(lab.host("away"), { group: downGroup });
      const up = await startReceiver(lab.host("listener"), { group: upGroup });
      const senders = [
        await startSender(lab.host("source"), { group: downGroup, interface: "lan", rate: RATE }),
        await startSender(lab.host("away"), { group: upGroup, rate: RATE }),
      ];
      await Promise.all([down.first(), up.first()]);
      return { down, up, senders };
    }

    async function expectNoLoss({ down, up, senders }: Streams): Promise<void> {
      for (const receiver of [down, up]) {
        const { last_seq: now } = await receiver.report();
        await reportUntil(receiver, "the stream goes on", ({ last_seq }) => last_seq! > now! + RATE / 2);
      }
      await Promise.all(senders.map((sender) => sender.stop()));
      for (const [way, receiver] of [
        ["to the laptop", down],
        ["from the laptop", up],
      ] as const) {
        const report = await receiver.stop();
        expect(report, way).toMatchObject({ lost: 0, duplicates: 0, corrupt: 0 });
        expect(report.received, way).toBeGreaterThan(SECONDS * RATE * 0.8);
      }
    }

    test("100 handshakes a second and garbage at line rate: no loss, no answer, no memory", async () => {
      const running = await startStreams();
      await reportOf(noise()); // once, so that everything that grows to its size has it
      const before = await home.json<Stats>("stats");
      const answers = await answered();
      const [stranger, garbage] = await Promise.all([
        reportOf<StrangerReport>(call(100)),
        reportOf<{ sent: number; seconds: number }>(noise()),
      ]);
      const after = await home.json<Stats>("stats");
      const growth = after.rssBytes - before.rssBytes;
      console.log(
        `garbage: ${Math.round(garbage.sent / garbage.seconds)} datagrams a second; ` +
          `handshakes: ${stranger.sent / SECONDS} a second; memory of the daemon: ${Math.round(growth / 1024)} KiB more`,
      );
      await expectNoLoss(running);
      expect(stranger.sent).toBeGreaterThan(90 * SECONDS);
      expect(stranger.answers).toEqual({});
      expect(await answered()).toBe(answers);
      // Garbage that looks like a handshake takes turns with those that are one, and what is handed up is limited: the
      // faster the machine that floods, the fewer come through.
      const refused = (stats: Stats): number => stats.counters["session.handshakes-dropped-stranger"] ?? 0;
      expect(refused(after) - refused(before)).toBeGreaterThan(SECONDS);
      expect(garbage.sent / garbage.seconds).toBeGreaterThan(1_000);
      expect(growth).toBeLessThan(MEMORY);
    });

    test("more handshakes than it would work on: no loss, and nobody gets more than a cookie", async () => {
      const running = await startStreams();
      const answers = await answered();
      const stranger = await reportOf<StrangerReport>(call(400));
      await expectNoLoss(running);
      expect(Object.keys(stranger.answers)).toEqual(["3"]);
      expect(stranger.longestAnswer).toBe(64); // of 164 that it takes to get it
      expect(stranger.answers["3"]).toBeLessThan(stranger.sent);
      expect(await answered()).toBe(answers + stranger.answers["3"]!);
    });

    test("with an invite's id but not its secret: no loss, nobody comes in, the invite stays whole", async () => {
      const before = await home.status();
      const memory = await home.json<Stats>("stats");
      const running = await startStreams();
      await reportOf(call(100, inviteId.toHex()));
      await expectNoLoss(running);
      // Those who cannot prove the secret are forgotten, and the place that they took is free again.
      const after = await home.until(
        "they are forgotten",
        ({ vifs }) => vifs.length === before.vifs.length,
        20_000,
      );
      const [was, is] = [before.networks[0]!, after.networks[0]!];
      expect(is.members.map(({ number }) => number)).toEqual(was.members.map(({ number }) => number));
      expect(is.invites).toEqual(was.invites);
      expect(is.requests).toEqual([]);
      expect((await home.json<Stats>("stats")).rssBytes - memory.rssBytes).toBeLessThan(MEMORY);
    });

    test("nobody was lost meanwhile", () => {
      expect(home.output + away.output).not.toMatch(/is gone/);
      expect(home.running && away.running).toBe(true);
    });
  },
);
