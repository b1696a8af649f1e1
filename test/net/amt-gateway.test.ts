// Multicast of an internet that routes none, by AMT: what programs of a laptop join, from relays that have it.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AmtScene, joinOf, RELAYS, SOURCE } from "#test/support/amt-scene.ts";
import { readAmtCapture } from "#test/support/amt/capture.ts";
import type { PythonRelay } from "#test/support/amt/python-relay.ts";
import type { TestDaemon } from "#test/support/daemon.ts";
import type { Child } from "#test/support/child.ts";
import { hasCommand, missingForLab } from "#test/support/requirements.ts";
import { removeAtEnd } from "#test/support/lab/cleanup.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { sendVideo, VideoReceiver } from "#test/support/traffic/ffmpeg.ts";
import { reportUntil } from "./streams-scene.ts";

const missing = missingForLab("ffmpeg", "conntrack");
const captureMissing = ["tcpdump", "tshark"].filter((command) => !hasCommand(command));
const FRAMES = 25;

/** Four streams, as senders give them and receivers join them. */
const STREAMS = [
  { group: "232.1.1.1", ip: 4, ssm: true },
  { group: "ff3e::8000:1", ip: 6, ssm: true },
  { group: "233.252.0.1", ip: 4, ssm: false },
  { group: "ff1e::9:1", ip: 6, ssm: false },
] as const;

function place(group: string): string {
  return group.includes(":") ? `[${group}]:5004` : `${group}:5004`;
}

describe.skipIf(missing !== undefined)(`an AMT gateway${missing ? ` (${missing})` : ""}`, () => {
  let scene: AmtScene;
  let daemon: TestDaemon;
  const relays: PythonRelay[] = [];
  const folder = mkdtempSync(join(tmpdir(), "castaway-amt-"));
  removeAtEnd(folder);
  const file = join(folder, "amt.pcap");
  let capture: Child | undefined;

  beforeAll(async () => {
    scene = await AmtScene.create();
    if (captureMissing.length === 0) capture = await scene.record(file);
    daemon = await scene.gateway();
    for (const { group } of STREAMS)
      sendVideo(scene.internet, {
        group: place(group),
        localAddress: group.includes(":") ? SOURCE[6] : SOURCE[4],
        codec: "mpeg2",
      });
    for (const address of Object.values(RELAYS.first)) relays.push(await scene.relay(address, "--tell"));
  });
  afterAll(async () => scene?.dispose());

  test.each([4, 6] as const)(
    "IPv4 and IPv6, from one source and from any, through an IPv%i tunnel",
    async (outer) => {
      await daemon.json("amt", "relays", RELAYS.first[outer]);
      const receivers = STREAMS.map(
        ({ group, ip, ssm }) =>
          new VideoReceiver(scene.away, { group: place(group), ...(ssm && { source: SOURCE[ip] }) }),
      );
      await Promise.all(receivers.map((receiver) => receiver.until(FRAMES, 40_000)));
      const snapshot = await daemon.status();
      for (const { group, ip, ssm } of STREAMS)
        expect(joinOf(snapshot, group)).toMatchObject({
          source: ssm ? SOURCE[ip] : null,
          state: "receiving",
          kept: false,
          via: { address: RELAYS.first[outer], how: "given" },
        });
      await Promise.all(receivers.map((receiver) => receiver.child.stop()));
      await daemon.until("all of it is left", ({ amt }) => amt.joins.length === 0, 20_000);
      const { gateways } = await relays[outer === 4 ? 0 : 1]!.report();
      expect(gateways).toEqual({});
    },
  );

  test.skipIf(captureMissing.length > 0)(
    `tshark finds nothing malformed in all of that${captureMissing.length > 0 ? ` (needs ${captureMissing.join(", ")})` : ""}`,
    async () => {
      await capture!.stop("SIGINT");
      const { types, data, malformed } = await readAmtCapture(scene.internet, file);
      expect(malformed).toEqual([]);
      // Discovery to Teardown, by both families outside and with both inside.
      for (const outer of [4, 6] as const)
        expect(Object.keys(types[outer]).map(Number)).toEqual([1, 2, 3, 4, 5, 6, 7]);
      expect(Object.keys(data).toSorted()).toEqual(["4 in 4", "4 in 6", "6 in 4", "6 in 6"]);
    },
  );

  test("what comes by the LAN is not fetched, and nobody is asked", async () => {
    const [source, group] = ["192.0.2.21", "232.1.1.9"];
    const router = scene.lab.host("away-router");
    await router.exec("ip", ["addr", "add", `${source}/32`, "dev", "br-lan"]);
    await startSender(router, { group, interface: "br-lan", source, rate: 100 });
    const receiver = await startReceiver(scene.away, { group, sources: [source] });
    // Longer than a stream is given to come by itself.
    await reportUntil(receiver, "four seconds of it", ({ received }) => received > 400);
    const { amt, groups } = await daemon.status();
    expect(groups.some((one) => one.group === group && one.listeners.length > 0)).toBe(true);
    expect(amt.joins).toEqual([]);
    expect(await receiver.stop()).toMatchObject({ duplicates: 0 });
  });
});
