import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { PYTHON } from "#test/support/python.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { PORT, kernelGroups } from "./streams-scene.ts";

const missing = missingForLab();
const BAD = { loss: 0.1, duplicate: 0.05, delayMs: 10, jitterMs: 5, reorder: 0.1, reorderMs: 8 };
/** How often membership is told in full (docs/protocol.md): whatever was lost is healed by then. */
const REFRESH_MS = 30_000;
const RATE = 300;
const SECONDS = 6;

/** Joins and leaves what it reads, "+239.1.1.1" or "-239.1.1.1", a socket for each ten groups (igmp_max_memberships). */
const JOINER = `
import socket, struct, sys
sockets, held = [], {}
for number, line in enumerate(sys.stdin, 1):
    for word in line.split():
        join, group = word[0] == "+", word[1:]
        request = struct.pack("=4s4si", socket.inet_aton(group), b"\\0" * 4, 0)
        if join:
            if len(held) >= 10 * len(sockets):
                sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            held[group] = sockets[-1]
            sockets[-1].setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
        else:
            held[group].setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, request)
    print("done", number, flush=True)
`;

describe.skipIf(missing !== undefined)(
  `10 % loss, reordering and duplicates on the internet, each way${missing ? ` (${missing})` : ""}`,
  () => {
    let lab: Lab;
    let home: TestDaemon;
    let away: TestDaemon;

    beforeAll(async () => {
      lab = await Lab.create({ badWire: true, portForward: PORT });
      await lab.setInboundBlocked6("home", true);
      await lab.setWire(BAD);
      home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
      away = await TestDaemon.inLab(lab, "away");
    });
    afterAll(async () => lab?.dispose());

    test("an invite is taken up all the same", async () => {
      const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
      const { addresses } = await away.join(link);
      expect(addresses).toHaveLength(2);
    });

    test.each([
      { from: "source", to: "away", interfaceName: "lan" },
      { from: "away", to: "listener", interfaceName: undefined },
    ])("a stream from $from to $to: what arrives arrives once", async ({ from, to, interfaceName }) => {
      const group = to === "away" ? "239.9.1.1" : "239.9.1.2";
      const receiver = await startReceiver(lab.host(to), { group });
      const sender = await startSender(lab.host(from), {
        group,
        rate: RATE,
        seconds: SECONDS,
        ...(interfaceName && { interface: interfaceName }),
      });
      await receiver.first(REFRESH_MS);
      const { sent } = await sender.finished();
      const report = await receiver.stop();
      expect(report.duplicates).toBe(0);
      expect(report.corrupt).toBe(0);
      // Lost is what the wire loses, and not much more; and it did lose, double and reorder.
      const span = report.last_seq! - report.first_seq! + 1;
      expect(report.lost / span).toBeGreaterThan(0.05);
      expect(report.lost / span).toBeLessThan(0.15);
      expect(report.reordered).toBeGreaterThan(0);
      expect(span).toBeGreaterThan(sent / 2);
      const drops = Object.assign(
        {},
        ...(await (to === "away" ? away : home).status()).vifs.map((vif) => vif.drops),
      );
      expect(Object.keys(drops)).toContain("replay");
    });

    test("membership is right within one refresh, after many joins and leaves at once", async () => {
      const groups = Array.from({ length: 40 }, (_, i) => `239.9.2.${i + 1}`);
      const joiner = lab.host("away").spawn(PYTHON, ["-c", JOINER]);
      const held = new Set<string>();
      let lines = 0;
      const change = async (joined: readonly string[], left: readonly string[]): Promise<void> => {
        const text = [...joined.map((group) => `+${group}`), ...left.map((group) => `-${group}`)].join(" ");
        for (const group of joined) held.add(group);
        for (const group of left) held.delete(group);
        joiner.write(`${text}\n`);
        await joiner.line(new RegExp(`^done ${++lines}$`));
      };
      const times: number[] = [];
      await change(groups, []);
      times.push(await joinedAtHome(held));
      await change([], groups.slice(0, 25));
      times.push(await joinedAtHome(held));
      // Back and forth, faster than it can be told.
      for (let round = 0; round < 5; round++) {
        await change(groups.slice(0, 10), groups.slice(25, 30));
        await change(groups.slice(25, 30), groups.slice(0, 10));
      }
      times.push(await joinedAtHome(held));
      await change([], [...held]);
      times.push(await joinedAtHome(held));
      console.log(`membership was right after ${times.map((ms) => Math.round(ms)).join(", ")} ms`);
      await joiner.stop();
    });

    test("the session has held: nobody was lost, and both ends say so", async () => {
      for (const daemon of [home, away]) {
        const { networks } = await daemon.status();
        expect(networks[0]!.members.filter((member) => member.online)).toHaveLength(2);
        expect(daemon.output).not.toMatch(/is gone/);
      }
      expect(away.output.match(/info connected/g)).toHaveLength(1);
    });

    /** Ms until the home machine's kernel has joined on the LAN what is wanted, and nothing else. */
    async function joinedAtHome(wanted: ReadonlySet<string>): Promise<number> {
      const start = performance.now();
      for (;;) {
        const joined = (await kernelGroups(lab.host("home"), "lan")).filter((group) =>
          group.startsWith("239.9.2."),
        );
        const passed = performance.now() - start;
        if (joined.length === wanted.size && joined.every((group) => wanted.has(group))) return passed;
        if (passed > REFRESH_MS)
          throw new Error(`wanted ${[...wanted].join()}, joined ${joined.join()} after ${passed} ms`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  },
);
