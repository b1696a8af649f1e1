// What happens to relays, to the way to them, and what some of them send: a laptop's AMT gateway goes on.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AmtScene, joinOf, RELAYS, SOURCE, STUDIO } from "#test/support/amt-scene.ts";
import type { PythonRelay } from "#test/support/amt/python-relay.ts";
import type { Child } from "#test/support/child.ts";
import type { TestDaemon } from "#test/support/daemon.ts";
import { rebindNat } from "#test/support/lab/unkind-router.ts";
import { missingForLab } from "#test/support/requirements.ts";
import {
  startReceiver,
  startSender,
  type ReceiveReport,
  type Receiver,
} from "#test/support/traffic/mcast.ts";
import { addressBytes } from "#wire/address.ts";
import { reportUntil, vifOf } from "./streams-scene.ts";

const missing = missingForLab("conntrack", "dnsmasq", "tcpdump", "tshark");
const GROUP = "232.5.5.5";
const RATE = 200;
const SECOND_NAME = "relay2.lab.example";
/** Silence is noticed within 4.5 s, two Requests are waited for 3.3 s. */
const BACK_WITHIN_MS = 12_000;
const NOTICED_MS = 2_500;

/** The owner of the source names an address that needs no Discovery, and for when it does not answer a name. */
const RECORDS = [
  Uint8Array.of(10, 0x81, ...addressBytes(RELAYS.first[4])),
  Uint8Array.of(
    20,
    3,
    ...SECOND_NAME.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]),
    0,
  ),
];

describe.skipIf(missing !== undefined)(
  `an AMT gateway and its relays${missing ? ` (${missing})` : ""}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "castaway-amt-"));
    const file = join(folder, "amt.pcap");
    const figures: string[] = [];
    let scene: AmtScene;
    let daemon: TestDaemon;
    let capture: Child;
    let first: PythonRelay;
    let second: PythonRelay;
    let receiver: Receiver;

    beforeAll(async () => {
      scene = await AmtScene.create();
      await scene.names(RECORDS, [{ name: SECOND_NAME, address: RELAYS.second[4] }]);
      capture = await scene.record(file);
      first = await scene.relay(RELAYS.first[4], "--tell");
      second = await scene.relay(RELAYS.second[4]);
      daemon = await scene.gateway();
      await startSender(scene.internet, {
        group: GROUP,
        interface: STUDIO,
        source: SOURCE[4],
        rate: RATE,
      });
      receiver = await startReceiver(scene.away, { group: GROUP, sources: [SOURCE[4]] });
    });
    afterAll(async () => {
      console.log(`without packets for:\n  ${figures.join("\n  ")}`);
      await scene?.dispose();
      rmSync(folder, { recursive: true, force: true });
    });

    async function gapOf(what: string, change: () => Promise<unknown>): Promise<void> {
      const watching = await startReceiver(scene.away, { group: GROUP, sources: [SOURCE[4]] });
      await watching.first();
      await change();
      const isBack = ({ longest_gap_ms: gap }: ReceiveReport): boolean => gap > NOTICED_MS;
      const report = await reportUntil(watching, "packets again", isBack, 30_000);
      await watching.stop();
      figures.push(`${what}: ${Math.round(report.longest_gap_ms)} ms`);
      expect(report.longest_gap_ms).toBeLessThan(BACK_WITHIN_MS);
      expect(report).toMatchObject({ duplicates: 0, corrupt: 0 });
    }

    test("what a program joins comes from the relay that the source's owner names, and nobody configured anything", async () => {
      await receiver.first(20_000);
      const { amt } = await daemon.status();
      expect(amt.joins).toMatchObject([
        {
          source: SOURCE[4],
          group: GROUP,
          state: "receiving",
          via: { address: RELAYS.first[4], how: "driad" },
        },
      ]);
      expect(amt.joins[0]!.roundTripMs).toBeGreaterThan(0);
      const { discoveries, gateways } = await first.report();
      expect(discoveries).toBe(0); // D: it may be asked at once
      expect(Object.values(gateways)).toEqual([[GROUP]]);
    });

    test("the router forgets the binding: the old tunnel is torn down, the stream goes on", async () => {
      // What is repeated later would come through the new binding, with the old one's MAC.
      await expect
        .poll(async () => (await first.report()).updates.length, { timeout: 5_000 })
        .toBeGreaterThanOrEqual(2);
      const before = Object.keys((await first.report()).gateways)[0]!;
      await gapOf("another NAT binding", () => rebindNat(scene.lab, "away"));
      const { gateways, teardowns, forged } = await first.report();
      expect(Object.keys(gateways)).toHaveLength(1);
      expect(Object.keys(gateways)).not.toContain(before);
      expect(new Set(teardowns.map(([address, port]) => `${address} ${port}`))).toEqual(new Set([before]));
      expect(forged).toBe(0);
    });

    test("the relay is gone: the stream comes from the one that the owner names next", async () => {
      await gapOf("another relay", () => first.kill());
      expect(joinOf(await daemon.status(), GROUP)).toMatchObject({
        state: "receiving",
        via: { address: RELAYS.second[4], how: "driad" },
      });
      expect((await second.report()).discoveries).toBeGreaterThan(0);
    });

    test("the only relay that was named takes no more receivers: that is said within seconds", async () => {
      const full = await scene.relay(RELAYS.first[4], "--full");
      const group = "232.5.5.6";
      const source = "192.0.2.77"; // whose owner names nobody
      await daemon.json("amt", "join", source, group, "--relay", RELAYS.first[4], "--no-wait");
      const says = `The relay ${RELAYS.first[4]} takes no more receivers; `;
      await daemon.until(
        "it is said",
        (snapshot) => joinOf(snapshot, group)?.detail.startsWith(says) === true,
        5_000,
      );
      expect(joinOf(await daemon.status(), group)?.state).toBe("failed");
      expect(await full.report()).toMatchObject({ gateways: {}, updates: [] });
      await daemon.json("amt", "leave", source, group);
      await full.kill();
    });

    test("tshark finds no malformed packet of AMT, and all its messages", async () => {
      await capture.stop("SIGINT");
      const shown = async (...words: string[]): Promise<string[]> => {
        const { stdout } = await scene.internet.exec("tshark", [
          ...["-r", file, "-d", "udp.port==2268,amt", "-d", "udp.port==5004,data", ...words],
        ]);
        return stdout.split("\n").filter(Boolean);
      };
      expect(await shown("-Y", "_ws.malformed")).toEqual([]);
      const types = await shown("-Y", "amt", "-T", "fields", "-e", "amt.type");
      expect(new Set(types.map(Number))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7]));
    });

    test("what no honest relay sends is dropped and counted, and the stream goes on", async () => {
      // By IPv6: no NAT keeps strangers away.
      const hostile = await scene.relay(RELAYS.first[6]);
      await daemon.json("amt", "relays", RELAYS.first[6]);
      const { vifs } = await daemon.until(
        "the other relay has it",
        (snapshot) =>
          joinOf(snapshot, GROUP)?.via?.address === RELAYS.first[6] &&
          joinOf(snapshot, GROUP)?.state === "receiving",
        20_000,
      );
      const name = vifs.find(({ kind }) => kind === "amt-gateway")!.name;
      const sent = await hostile.attack(SOURCE[4], GROUP);
      const { drops } = vifOf(
        await daemon.until("all of it is there", (snapshot) => {
          const of = vifOf(snapshot, name).drops;
          return (
            (of["malformed"] ?? 0) >= sent["malformed"]! && (of["unexpected"] ?? 0) >= sent["unexpected"]!
          );
        }),
        name,
      );
      expect(drops).toMatchObject({
        scope: sent["scope"],
        "bad-source": sent["bad-source"],
        "not-joined": sent["not-joined"],
        "not-from-relay": sent["other-port"]! + sent["not-from-relay"]!,
      });
      expect(drops["wrong-nonce"]).toBeGreaterThanOrEqual(sent["wrong-nonce"]!);
      const all = Object.values(drops).reduce((sum, count) => sum + count, 0);
      expect(all).toBe(Object.values(sent).reduce((sum, count) => sum + count, 0));
      const { last_seq: seen } = await receiver.report();
      const report = await reportUntil(receiver, "packets", ({ last_seq }) => last_seq! > seen! + RATE);
      expect(report).toMatchObject({ foreign: 0, corrupt: 0 });
    });

    test("who ends takes leave", async () => {
      await receiver.stop();
      await daemon.until("nothing is asked for", ({ amt }) => amt.joins.length === 0, 20_000);
      await expect
        .poll(async () => Object.keys((await second.report()).gateways), { timeout: 10_000 })
        .toEqual([]);
    });
  },
);
