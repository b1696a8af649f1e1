import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { forge } from "#test/support/traffic/forge.ts";
import { startReceiver } from "#test/support/traffic/mcast.ts";
import { transfer } from "#test/support/traffic/transfer.ts";
import {
  dropsOf,
  startScene,
  withPort,
  type Family,
  type MemberName,
  type Scene,
  type SceneMember,
} from "./streams-scene.ts";

const missing = missingForLab("ping");
const TUN = "castaway0";
const PINGS = 5;
const TRANSFER_BYTES = 100_000_000;
const FORGED = 25;
const PORT = 7007;

const FAMILIES: readonly { family: Family }[] = [{ family: 4 }, { family: 6 }];

describe.skipIf(missing !== undefined)(`unicast between members${missing ? ` (${missing})` : ""}`, () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await startScene();
  });
  afterAll(async () => scene?.dispose());

  const address = (member: SceneMember, family: Family): string =>
    family === 4 ? member.address4 : member.address6;

  describe.each(FAMILIES)("IPv$family", ({ family }) => {
    test.each<{ from: MemberName; to: MemberName; what: string }>([
      { from: "home", to: "away", what: "host to guest" },
      { from: "away", to: "home", what: "guest to host" },
      { from: "away", to: "away2", what: "guest to guest, through the host" },
    ])("ping, $what", async ({ from, to }) => {
      const { members } = scene;
      const target = address(members[to], family);
      const words = ["-c", String(PINGS), "-i", "0.05", "-W", "5", target];
      const { stdout } = await members[from].machine.exec("ping", words, { anyExit: true });
      expect(stdout).toContain(`${PINGS} packets transmitted, ${PINGS} received`);
      expect(stdout).not.toContain("DUP!");
      // The host is one hop more for what passes it.
      const expected = from === "home" || to === "home" ? 64 : 63;
      expect(Number(/ttl=(\d+)/.exec(stdout)?.[1])).toBe(expected);
    });

    test.each<{ from: MemberName; to: MemberName; what: string }>([
      { from: "away", to: "home", what: "guest to host" },
      { from: "away", to: "away2", what: "guest to guest, through the host" },
    ])("100 MB over TCP arrive as they were sent, $what", async ({ from, to, what }) => {
      const { members } = scene;
      const target = address(members[to], family);
      const { machine } = members[from];
      const { sent, received } = await transfer(machine, members[to].machine, target, TRANSFER_BYTES);
      const megabits = (8 * received.bytes) / received.seconds / 1e6;
      console.log(
        `IPv${family}, ${what}: 100 MB in ${received.seconds.toFixed(2)} s, ${megabits.toFixed(0)} Mbit/s`,
      );
      expect(received.bytes).toBe(TRANSFER_BYTES);
      expect(received.sha256).toBe(sent.sha256);
    });

    test.each<{ pretends: MemberName; to: MemberName }>([
      { pretends: "away2", to: "home" },
      { pretends: "home", to: "away2" },
    ])(
      "a guest cannot send as $pretends to $to: the host drops it and counts it",
      async ({ pretends, to }) => {
        const { members } = scene;
        const { away, home } = members;
        const vif = scene.peerVif("away");
        const [own, other] = [address(away, family), address(members[pretends], family)];
        const target = address(members[to], family);
        const leaving = await Capture.start(away.machine, TUN, 64);
        const arriving = await Capture.start(members[to].machine, TUN, 64);
        const before = await dropsOf(home, vif, "spoofed-source");
        await forge(away.machine, { source: other, destination: target, port: PORT, count: FORGED });
        await forge(away.machine, { source: own, destination: target, port: PORT, count: FORGED });
        const from = (source: string) => (packet: { source: string; destinationPort: number }) =>
          packet.source === source && packet.destinationPort === PORT;
        // What is sent as itself by the same program arrives, later, so all of it has been looked at.
        await expect
          .poll(async () => (await arriving.packets()).filter(from(own)).length, { timeout: 10_000 })
          .toBe(FORGED);
        expect((await leaving.stop()).filter(from(other))).toHaveLength(FORGED);
        expect((await arriving.stop()).filter(from(other))).toEqual([]);
        expect((await dropsOf(home, vif, "spoofed-source")) - before).toBe(FORGED);
      },
    );

    test("a guest cannot send a stream as another member, and that member's own goes on", async () => {
      const { members, lab } = scene;
      const { away, away2, home } = members;
      const group = family === 4 ? "239.24.0.1" : "ff1e::24:1";
      const vif = scene.peerVif("away");
      const listener = await startReceiver(lab.host("listener"), { group: withPort(group, PORT) });
      for (const { daemon } of [away, away2])
        await daemon.until("home listens", ({ groups }) => groups.some((one) => one.group === group));
      const leaving = await Capture.start(away.machine, TUN, 64);
      const before = await dropsOf(home, vif, "spoofed-source");
      const stream = { destination: group, port: PORT, count: FORGED };
      await forge(away.machine, { source: address(away2, family), ...stream });
      await forge(away.machine, { source: address(away, family), ...stream });
      await forge(away2.machine, { source: address(away2, family), ...stream });
      // forge.py's datagrams are none of mcast.py's.
      await expect
        .poll(async () => (await listener.report()).foreign, { timeout: 10_000 })
        .toBeGreaterThanOrEqual(2 * FORGED);
      const left = (await leaving.stop()).filter((packet) => packet.destination === group && packet.out);
      expect(left).toHaveLength(2 * FORGED);
      expect((await dropsOf(home, vif, "spoofed-source")) - before).toBe(FORGED);
      expect((await listener.stop()).foreign).toBe(2 * FORGED);
    });
  });
});
