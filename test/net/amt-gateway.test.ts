// Multicast of an internet that routes none, by AMT: what programs of a laptop join, from relays that have it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AmtScene, joinOf, RELAYS, SOURCE } from "#test/support/amt-scene.ts";
import type { PythonRelay } from "#test/support/amt/python-relay.ts";
import type { TestDaemon } from "#test/support/daemon.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { sendVideo, VideoReceiver } from "#test/support/traffic/ffmpeg.ts";
import { reportUntil } from "./streams-scene.ts";

const missing = missingForLab("ffmpeg", "conntrack");
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

  beforeAll(async () => {
    scene = await AmtScene.create();
    daemon = await scene.gateway();
    for (const { group } of STREAMS)
      sendVideo(scene.internet, {
        group: place(group),
        localAddress: group.includes(":") ? SOURCE[6] : SOURCE[4],
        codec: "mpeg2",
      });
    for (const address of Object.values(RELAYS.first)) relays.push(await scene.relay(address));
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
