// Both ends ours: a laptop behind a NAT has the streams of a LAN whose router is an AMT relay.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AmtRelayDump } from "#contract/amt.ts";
import { RelayScene } from "#test/support/amt/relay-scene.ts";
import { joinOf } from "#test/support/amt-scene.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { rebindNat } from "#test/support/lab/unkind-router.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { sendVideo, VideoReceiver } from "#test/support/traffic/ffmpeg.ts";

const missing = missingForLab("ffmpeg", "conntrack", "tshark");
const STREAMS = [
  { group: "232.1.1.1", ip: 4, ssm: true },
  { group: "ff3e::8000:1", ip: 6, ssm: true },
  { group: "233.252.0.1", ip: 4, ssm: false },
  { group: "ff1e::9:1", ip: 6, ssm: false },
] as const;

describe.skipIf(missing !== undefined)(`AMT gateway and relay${missing ? ` (${missing})` : ""}`, () => {
  let scene: RelayScene;
  let gateway: TestDaemon;

  beforeAll(async () => {
    scene = await RelayScene.create();
    gateway = await TestDaemon.inLab(scene.lab, "away");
    const { source } = scene;
    for (const { group, ip } of STREAMS)
      sendVideo(source, {
        group: ip === 6 ? `[${group}]:5004` : `${group}:5004`,
        localAddress: ip === 6 ? source.address6 : source.address4,
        codec: "mpeg2",
        bitRate: 400_000,
      });
    await scene.startCapture();
  });
  afterAll(async () => scene?.dispose());

  test.each([4, 6] as const)(
    "IPv4 and IPv6, from one source and from any, through an IPv%i tunnel",
    async (outer) => {
      const relay = scene.relay[outer];
      const sources = { 4: scene.source.address4, 6: scene.source.address6 };
      await gateway.json("amt", "relays", relay);
      const each = (act: "join" | "leave", ...words: string[]): Promise<unknown> =>
        Promise.all(
          STREAMS.map(({ group, ip, ssm }) =>
            gateway.json("amt", act, ...(ssm ? [sources[ip]] : []), group, ...words),
          ),
        );
      await each("join", "--no-wait");
      const receivers = STREAMS.map(
        ({ group, ip, ssm }) =>
          new VideoReceiver(scene.away, {
            group: ip === 6 ? `[${group}]:5004` : `${group}:5004`,
            ...(ssm && { source: sources[ip] }),
          }),
      );
      await Promise.all(receivers.map((receiver) => receiver.until(25, 30_000)));
      await Promise.all(receivers.map((receiver) => receiver.child.stop()));
      const snapshot = await gateway.status();
      for (const { group } of STREAMS)
        expect(joinOf(snapshot, group)).toMatchObject({ state: "receiving", via: { address: relay } });
      const { amt } = await scene.daemon.status();
      expect(amt.relay).toMatchObject({ groups: 4, gateways: 1 });
      await each("leave");
      await scene.daemon.until("the gateway has left", (now) => now.amt.relay.gateways === 0, 15_000);
    },
  );

  test("a NAT forgets the binding, and the relay tells: the old tunnel is torn down, one gateway is left", async () => {
    const [group, source] = [STREAMS[0].group, scene.source.address4];
    await scene.daemon.json("amt", "relay", "--tell-endpoint", "on");
    await gateway.json("amt", "relays", scene.relay[4]);
    await gateway.json("amt", "join", source, group, "--no-wait");
    await gateway.until("it comes", (now) => joinOf(now, group)?.state === "receiving", 15_000);
    const endpoints = async (): Promise<string[]> => {
      const dump = await scene.daemon.json<{ amtRelay: AmtRelayDump }>("dump");
      return dump.amtRelay.gateways.map(({ endpoint }) => endpoint);
    };
    const before = await endpoints();
    expect(before).toHaveLength(1);
    await rebindNat(scene.lab, "away");
    // Far sooner than the relay forgets who is silent.
    await expect
      .poll(
        async () => {
          const now = await endpoints();
          return now.length === 1 && now[0] !== before[0];
        },
        { timeout: 20_000 },
      )
      .toBe(true);
    const { packets } = joinOf(await gateway.status(), group)!;
    await gateway.until("it comes again", (now) => joinOf(now, group)!.packets > packets, 10_000);
    await gateway.json("amt", "leave", source, group);
    await scene.daemon.until("the gateway has left", (now) => now.amt.relay.gateways === 0, 15_000);
  });

  test("tshark finds nothing malformed in all of that", async () => {
    const { types, data, malformed } = await scene.stopCapture();
    expect(malformed).toEqual([]);
    // By both families outside and with both inside; only who is told where it is seen can tear a tunnel down.
    expect(Object.keys(types[4]).map(Number)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(Object.keys(types[6]).map(Number)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Object.keys(data).toSorted()).toEqual(["4 in 4", "4 in 6", "6 in 4", "6 in 6"]);
  });
});
