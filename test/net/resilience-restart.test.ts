import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Snapshot } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { PORT, reportUntil } from "./streams-scene.ts";

const missing = missingForLab("ping");
const RATE = 500;
const WITHIN_MS = 2_000;
/** Other programs on the machine may take the processor from any of those that take part. */
const AGAIN = { retry: 2 };

/** Ms that a process was ready to run and others had the processor: a busy test machine, not what is tested. */
function processorWait(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
}

/** The home machine is behind NAT with a forwarded port, the laptop behind another NAT. */
describe.skipIf(missing !== undefined)(
  `a daemon is killed with SIGKILL and started again${missing ? ` (${missing})` : ""}`,
  () => {
    let lab: Lab;
    let home: TestDaemon;
    let away: TestDaemon;
    const times: string[] = [];

    beforeAll(async () => {
      lab = await Lab.create({ portForward: PORT });
      await lab.setInboundBlocked6("home", true);
      home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
      away = await TestDaemon.inLab(lab, "away");
      await home.json("up", "--name", "at home");
      const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`, "--uses", "3");
      await away.join(link);
      await home.invite(`${lab.homePublic.address4}:${PORT}`, "--expires", "7d", "--approve");
      await home.json("members", "rename", "2", "Anna's laptop");
      await home.json("routes", "add", "239.77.1.1", "--from", "lan");
      await home.json("lans", "set", "docker0", "off");
      await home.json("owners", "add", "1234");
    });
    afterAll(async () => {
      console.log(times.join("\n"));
      await lab?.dispose();
    });

    /** What people have set up, and what others rely on. */
    async function configured(daemon: TestDaemon): Promise<unknown> {
      const { networks, routes } = await daemon.status();
      return {
        networks: networks.map(
          ({ id, name, role, ownNumber, ownAddresses, prefixes, sharedRanges, members, invites }) => ({
            ...{ id, name, role, ownNumber, ownAddresses, prefixes, sharedRanges, invites },
            members: members.map(({ number, name: called, role: of, addresses }) => ({
              number,
              called,
              of,
              addresses,
            })),
          }),
        ),
        routes,
        owners: await daemon.json("owners", "list"),
        addresses: (
          await daemon.machine.exec("ip", ["-o", "addr", "show", "dev", "castaway0", "scope", "global"])
        ).stdout
          .split("\n")
          .map((line) => / inet6? (\S+)/.exec(line)?.[1])
          .sort(),
      };
    }

    /** Who the members are, a guest that has just started is told a moment after it is connected. */
    const connected = ({ networks }: Snapshot): boolean =>
      networks[0]?.state === "connected" &&
      networks[0].members.length > 0 &&
      networks[0].members.every((member) => member.online);

    /** Kills it while a stream runs; the receivers' programs know nothing of it. */
    async function killUnder(
      daemon: TestDaemon,
      direction: "to the laptop" | "from the laptop",
    ): Promise<void> {
      const group = `239.11.1.${times.length + 1}`;
      const down = direction === "to the laptop";
      const receiver = await startReceiver(lab.host(down ? "away" : "listener"), { group });
      const sender = await startSender(lab.host(down ? "source" : "away"), {
        group,
        interface: down ? "lan" : "castaway0",
        rate: RATE,
      });
      await receiver.first();
      const killed = performance.now();
      await daemon.kill("SIGKILL");
      const { last_seq: seen } = await receiver.report();
      const restarting = performance.now();
      const answers = daemon.restart();
      await reportUntil(receiver, "packets again", ({ last_seq }) => last_seq! > (seen ?? 0));
      const waited = processorWait(daemon.pid);
      await answers;
      await reportUntil(receiver, "the stream", ({ last_seq }) => last_seq! > (seen ?? 0) + 4 * RATE);
      await sender.stop();
      const report = await receiver.stop();
      const back = report.longest_gap_ms - (restarting - killed);
      times.push(
        `${daemon.machine.name} killed, stream ${direction}: back ${Math.round(back)} ms after the restart, ` +
          `${Math.round(waited)} ms of them waiting for a processor`,
      );
      expect(back - waited).toBeLessThan(WITHIN_MS);
      expect(report).toMatchObject({ duplicates: 0, corrupt: 0 });
    }

    test.each(["to the laptop", "from the laptop"] as const)(
      "the home daemon, with a stream %s: back within two seconds, nothing configured lost",
      AGAIN,
      async (direction) => {
        const before = { home: await configured(home), away: await configured(away) };
        await killUnder(home, direction);
        await home.until("the member is here", connected);
        await away.until("the host is here", connected);
        expect({ home: await configured(home), away: await configured(away) }).toEqual(before);
        expect(JSON.stringify(before.home)).toContain("Anna's laptop");
      },
    );

    test.each(["to the laptop", "from the laptop"] as const)(
      "the away daemon, with a stream %s: back within two seconds, programs keep what they joined",
      AGAIN,
      async (direction) => {
        const before = { home: await configured(home), away: await configured(away) };
        await killUnder(away, direction);
        await home.until("the member is here", connected);
        await away.until("the host is here", connected);
        expect({ home: await configured(home), away: await configured(away) }).toEqual(before);
      },
    );

    test("both at once: they find each other again, and unicast works", async () => {
      const before = { home: await configured(home), away: await configured(away) };
      await Promise.all([home.kill("SIGKILL"), away.kill("SIGKILL")]);
      await Promise.all([home.restart(), away.restart()]);
      await home.until("the member is here", connected);
      const { networks } = await away.until("the host is here", connected);
      expect({ home: await configured(home), away: await configured(away) }).toEqual(before);
      for (const address of networks[0]!.members.find(({ role }) => role === "host")!.addresses) {
        const { stdout } = await lab.host("away").exec("ping", ["-c", "2", "-i", "0.2", "-W", "2", address]);
        expect(stdout).toMatch(/ 0% packet loss/);
      }
    });
  },
);
