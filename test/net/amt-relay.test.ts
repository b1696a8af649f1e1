// Castaway as an AMT relay: gateways that are none of ours get a LAN's streams, each in its own way of asking.
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AmtRelayDump } from "#contract/amt.ts";
import type { Snapshot } from "#contract/snapshot.ts";
import { PythonGateway, type ReportRecord } from "#test/support/amt/python-gateway.ts";
import { RelayScene } from "#test/support/amt/relay-scene.ts";
import { asNobody } from "#test/support/ordinary-user.ts";
import { PYTHON } from "#test/support/python.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { sendVideo, VideoReceiver } from "#test/support/traffic/ffmpeg.ts";
import { startSender } from "#test/support/traffic/mcast.ts";
import { kernelGroups, vifOf } from "./streams-scene.ts";

const missing = missingForLab("ffmpeg", "tshark");
const NO_VLC = vlcModule() ? "" : " (needs VLC's amt access module, which Debian's VLC 3 has not)";
/** One of each kind: IPv4 and IPv6, from one source and from any. */
const SSM = { 4: "232.1.1.1", 6: "ff3e::8000:1" } as const;
const ASM = { 4: "233.252.0.1", 6: "ff1e::9:1" } as const;
const VIDEO = "232.1.1.7";
const STRANGERS = fileURLToPath(new URL("../support/amt/strangers.py", import.meta.url));
const SOON = { timeout: 10_000 };
const ANYCAST = "192.52.193.1";

function vlcModule(): boolean {
  const roots = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
  const folders = roots.map((root) => `${root}/vlc/plugins/access`).filter((folder) => existsSync(folder));
  return folders.some((folder) => readdirSync(folder).includes("libamt_plugin.so"));
}

describe.skipIf(missing !== undefined)(`an AMT relay${missing ? ` (${missing})` : ""}`, () => {
  let scene: RelayScene;
  /** The source's address, by family. */
  let from: Readonly<Record<4 | 6, string>>;

  beforeAll(async () => {
    scene = await RelayScene.create();
    const { source } = scene;
    from = { 4: source.address4, 6: source.address6 };
    for (const group of [SSM[4], SSM[6], ASM[4], ASM[6], "239.1.1.1"])
      await startSender(source, {
        group: group.includes(":") ? `[${group}]:5004` : `${group}:5004`,
        interface: "lan",
        rate: 50,
        seconds: 300,
        size: 1200,
      });
    const video = {
      group: `${VIDEO}:5004`,
      localAddress: from[4],
      codec: "mpeg2",
      bitRate: 400_000,
    } as const;
    sendVideo(source, video);
    await scene.startCapture();
  });
  afterAll(async () => scene?.dispose());

  const stream = (of: 4 | 6, group: string): string => `${from[of]},${group}`;
  const joins = (of: 4 | 6): ReportRecord[] => [
    { type: "allow", group: SSM[of], sources: [from[of]] },
    { type: "to-exclude", group: ASM[of], sources: [] },
  ];
  const streams = (of: 4 | 6): string[] => [stream(of, SSM[of]), stream(of, ASM[of])];
  const all = [4, 6] as const;
  const gone = async (what: string): Promise<Snapshot> =>
    scene.daemon.until(`${what}: no gateway is left`, ({ amt }) => amt.relay.gateways === 0, 15_000);
  /** Leaves both groups of both families. */
  const leave = async (gateway: PythonGateway, families: readonly (4 | 6)[] = all): Promise<void> => {
    for (const of of families)
      await gateway.update([
        { type: "block", group: SSM[of], sources: [from[of]] },
        { type: "to-include", group: ASM[of], sources: [] },
      ]);
    await gone("all groups were left");
    await gateway.stop();
  };
  const counters = async (): Promise<Readonly<Record<string, number>>> =>
    (await scene.daemon.json<{ counters: Record<string, number> }>("stats")).counters;
  const drops = async (): Promise<Readonly<Record<string, number>>> =>
    vifOf(await scene.daemon.status(), "amt-relay").drops;

  test.each(all)("IPv4 and IPv6, from one source and from any, through an IPv%i tunnel", async (outer) => {
    const gateway = await PythonGateway.start(scene.internet, scene.relay[outer]);
    expect(await gateway.discover()).toMatchObject({ relay: scene.relay[outer], source: scene.relay[outer] });
    for (const of of all) {
      const query = await gateway.join(of, joins(of));
      expect(query).toMatchObject({ family: of, flags: 0, right: true, source: scene.relay[outer] });
    }
    await gateway.until(20, all.flatMap(streams));
    for (const one of Object.values(await gateway.streams()))
      expect(one).toMatchObject({ bad: 0, fragments: 0, tos: [0], ttls: [15] });
    const joined = await kernelGroups(scene.lab.host("home-router"), "br-lan");
    for (const of of all) expect(joined).toEqual(expect.arrayContaining([SSM[of], ASM[of]]));
    const { amt } = await scene.daemon.status();
    expect(amt.relay).toMatchObject({ state: "up", gateways: 1, groups: 4 });
    const { stdout: dump } = await scene.daemon.castaway("dump");
    expect(dump).toMatch(/AMT Relay Dump\nGateway : [^\n]+\n\s+Groups\s+: 4\n/);
    expect(dump).toContain("1 gateways, 4 streams");
    await leave(gateway);
    await expect
      .poll(() => kernelGroups(scene.lab.host("home-router"), "br-lan"), SOON)
      .not.toContain(SSM[4]);
  });

  test("a television stream through it is seen, and through a NAT too", async () => {
    const play = async (host: typeof scene.away): Promise<[PythonGateway, VideoReceiver]> => {
      const gateway = await PythonGateway.start(host, scene.relay[4], "--play", "5104");
      await gateway.join(4, [{ type: "allow", group: VIDEO, sources: [from[4]] }]);
      return [gateway, new VideoReceiver(host, { group: "127.0.0.1:5104" })];
    };
    const both = await Promise.all([play(scene.internet), play(scene.away)]);
    await Promise.all(both.map(([, receiver]) => receiver.until(25, 25_000)));
    for (const [gateway, receiver] of both) {
      await receiver.child.stop();
      await gateway.update([{ type: "block", group: VIDEO, sources: [from[4]] }]);
      await gateway.stop();
    }
    await gone("both have left");
  });

  test("what each gateway wants of a group's sources is what it gets", async () => {
    const start = (): Promise<PythonGateway> => PythonGateway.start(scene.internet, scene.relay[4]);
    const [wants, excepts, other] = await Promise.all([start(), start(), start()]);
    const group = ASM[4];
    await wants.join(4, [{ type: "allow", group, sources: [from[4]] }]);
    await excepts.join(4, [{ type: "to-exclude", group, sources: [from[4]] }]);
    await other.join(4, [{ type: "allow", group, sources: ["192.0.2.99"] }]);
    await wants.until(30, [stream(4, group)]);
    expect(await excepts.streams()).toEqual({});
    expect(await other.streams()).toEqual({});
    // A change of mind, each: from here on it is the other way round.
    await wants.update([{ type: "to-exclude", group, sources: [from[4]] }]);
    await excepts.update([{ type: "to-exclude", group, sources: [] }]);
    await excepts.until(10, [stream(4, group)]);
    await wants.untilSilent([stream(4, group)]);
    for (const one of [wants, excepts, other]) await one.update([{ type: "to-include", group, sources: [] }]);
    await gone("all have left");
    await Promise.all([wants, excepts, other].map((one) => one.stop()));
  });

  test.each([
    [
      "Linux: the P flag is another bit, one nonce serves both families",
      [4, 6],
      ["--p-flag", "0x80", "--one-nonce"],
    ],
    ["VLC: its Request has nine bytes", [4], ["--request-length", "9"]],
    ["amtgwd: P is never set, MLD reports go under IGMP's handshake", [4, 6], ["--p-flag", "0"]],
  ] as const)("%s", async (what, families, words) => {
    const gateway = await PythonGateway.start(scene.internet, scene.relay[4], ...words);
    for (const of of families) {
      const query = await gateway.join(of, joins(of));
      // Linux' gateway takes no other bit, VLC no query that is longer.
      expect(query.flags).toBe(0);
      if (of === 4) expect(query.length).toBe(48);
      expect(query.family).toBe(what.startsWith("amtgwd") ? 4 : of);
    }
    await gateway.until(10, families.flatMap(streams));
    // VLC repeats its Update as it was; nobody has to ask twice.
    await gateway.update(joins(4));
    expect((await scene.daemon.status()).amt.relay.gateways).toBe(1);
    await leave(gateway, families);
  });

  test("amtgwd: several Requests are open, and answered in any order", async () => {
    const gateway = await PythonGateway.start(scene.internet, scene.relay[4], "--p-flag", "0");
    const first = await gateway.request(4);
    const second = await gateway.request(4);
    await gateway.update(joins(4), { query: second.nonce });
    await gateway.update(joins(6), { query: first.nonce });
    await gateway.until(10, all.flatMap(streams));
    await leave(gateway);
  });

  test("Cisco: MACs whose last two bytes are garbled, and where the gateway is seen, where that is set", async () => {
    const gateway = await PythonGateway.start(scene.internet, scene.relay[4], "--mac-bytes", "4");
    await gateway.join(4, joins(4));
    await expect.poll(async () => (await counters())["amt-relay.dropped-wrong-mac"], SOON).toBe(1);
    await scene.daemon.json("amt", "relay", "on", "--short-mac", "on", "--tell-endpoint", "on");
    await scene.daemon.until("the relay is back", ({ amt }) => amt.relay.state === "up");
    const query = await gateway.join(4, joins(4));
    expect(query.flags).toBe(1);
    const port = gateway.port.toString(16).padStart(4, "0");
    expect(query.tail).toBe(`${port}${"0".repeat(24)}cb007101`); // 203.0.113.1
    await gateway.until(10, streams(4));
    await leave(gateway, [4]);
    await scene.daemon.json("amt", "relay", "--short-mac", "off", "--tell-endpoint", "off");
  });

  test("scoped groups are for those on the spot, until somebody says otherwise", async () => {
    const gateway = await PythonGateway.start(scene.internet, scene.relay[4]);
    const wanted: ReportRecord[] = [{ type: "to-exclude", group: "239.1.1.1", sources: [] }, joins(4)[0]!];
    await gateway.join(4, wanted);
    await gateway.until(20, [stream(4, SSM[4])]);
    expect(Object.keys(await gateway.streams())).toEqual([stream(4, SSM[4])]);
    expect((await counters())["amt-relay.refused-outOfScope"]).toBe(1);
    await scene.daemon.json("amt", "relay", "on", "--admin-scoped", "on");
    await scene.daemon.until("the relay is back", ({ amt }) => amt.relay.state === "up");
    await gateway.join(4, wanted);
    await gateway.until(5, [stream(4, "239.1.1.1")]);
    await scene.daemon.json("amt", "relay", "on", "--admin-scoped", "off");
    await gateway.stop();
  });

  test("at an anycast address Discoveries are answered, from there, and nothing else", async () => {
    const router = scene.lab.host("home-router");
    await router.exec("ip", ["addr", "add", `${ANYCAST}/32`, "dev", "lo"]);
    await scene.internet.exec("ip", ["route", "add", ANYCAST, "via", scene.relay[4]]);
    await scene.daemon.json("amt", "relay", "on", "--anycast", ANYCAST);
    await scene.daemon.until("the anycast address is used", ({ amt }) =>
      amt.relay.addresses.includes(ANYCAST),
    );
    const gateway = await PythonGateway.start(scene.internet, scene.relay[4]);
    expect(await gateway.discover(ANYCAST)).toMatchObject({ relay: scene.relay[4], source: ANYCAST });
    await gateway.raw("0300000000000001", ANYCAST);
    await expect.poll(async () => (await counters())["amt-relay.dropped-to-anycast"], SOON).toBe(1);
    await scene.daemon.json("amt", "relay", "--anycast", "none");
    await gateway.stop();
  });

  test("congestion marks are copied for those who take them over (RFC 9601); what is too big is cut up inside", async () => {
    await scene.daemon.until("the relay is back", ({ amt }) => amt.relay.state === "up");
    const start = (...words: string[]): Promise<PythonGateway> =>
      PythonGateway.start(scene.internet, scene.relay[4], ...words);
    const [able, plain] = await Promise.all([start("--ecn"), start()]);
    const six = await PythonGateway.start(scene.internet, scene.relay[6], "--ecn");
    const group = "232.1.1.9";
    const gateways = [able, plain, six];
    for (const one of gateways) await one.join(4, [{ type: "allow", group, sources: [from[4]] }]);
    const send = `
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)
s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, int(sys.argv[2]))
s.setsockopt(socket.IPPROTO_IP, 10, int(sys.argv[3]))
for i in range(5):
    s.sendto(bytes(int(sys.argv[4])), ("${group}", 5004))
    time.sleep(0.05)`;
    // The kernel's join may still be on its way through the bridge.
    const ready = ["-c", send, from[4], "0", "0", "100"];
    await expect
      .poll(async () => {
        await scene.source.exec(PYTHON, ready);
        return Promise.all(
          gateways.map(async (one) => (await one.streams())[stream(4, group)]?.packets ?? 0),
        );
      }, SOON)
      .not.toContain(0);
    for (const one of gateways) await one.streams(true);
    // CE, and a DSCP that is nobody's business outside.
    await scene.source.exec(PYTHON, ["-c", send, from[4], String(0xb8 | 3), "0", "100"]);
    for (const one of gateways) await one.until(5, [stream(4, group)]);
    const tos = await Promise.all(
      gateways.map(async (one) => (await one.streams(true))[stream(4, group)]!.tos),
    );
    expect(tos).toEqual([[3], [0], [3]]);
    // 1500 bytes of IP do not fit into the tunnel: two fragments where that is allowed, else nothing.
    await scene.source.exec(PYTHON, ["-c", send, from[4], "0", "0", "1472"]);
    for (const one of gateways) {
      await one.until(10, [stream(4, group)]);
      expect((await one.streams(true))[stream(4, group)]).toMatchObject({
        packets: 10,
        fragments: 10,
        bad: 0,
      });
    }
    await scene.source.exec(PYTHON, ["-c", send, from[4], "0", "2", "1472"]);
    await expect.poll(async () => (await drops())["too-big"], SOON).toBe(15);
    for (const one of gateways) {
      expect(await one.streams()).toEqual({});
      await one.update([{ type: "block", group, sources: [from[4]] }]);
    }
    await gone("all have left");
    await Promise.all(gateways.map((one) => one.stop()));
  });

  test("a rate for each gateway: who asks for more loses what is above it, and nobody else anything", async () => {
    const start = (): Promise<PythonGateway> => PythonGateway.start(scene.internet, scene.relay[4]);
    const limited = async (port: number): Promise<number> => {
      const { amtRelay } = await scene.daemon.json<{ amtRelay?: AmtRelayDump }>("dump");
      return amtRelay!.gateways.find(({ endpoint }) => endpoint.endsWith(`:${port}`))!.limited;
    };
    // A stream is some 490 kbit/s.
    await scene.daemon.json("amt", "relay", "--gateway-rate", "700k");
    const [modest, greedy] = await Promise.all([start(), start()]);
    await modest.join(4, [joins(4)[0]!]);
    await greedy.join(4, joins(4));
    await expect.poll(() => limited(greedy.port), { timeout: 20_000 }).toBeGreaterThan(20);
    await greedy.streams(true);
    const began = performance.now();
    await modest.until(200, [stream(4, SSM[4])], 20_000);
    const got = Object.values(await greedy.streams()).reduce((sum, { bytes }) => sum + bytes, 0);
    const bits = (got * 8_000) / (performance.now() - began);
    expect(bits).toBeGreaterThan(550_000);
    expect(bits).toBeLessThan(750_000);
    expect(await limited(modest.port)).toBe(0);
    expect((await drops())["gateway-limit"]).toBeGreaterThan(20);
    await scene.daemon.json("amt", "relay", "--gateway-rate", "off");
    const before = await limited(greedy.port);
    await greedy.streams(true);
    await greedy.until(20, streams(4));
    expect(await limited(greedy.port)).toBe(before);
    await modest.update([{ type: "block", group: SSM[4], sources: [from[4]] }]);
    await modest.stop();
    await leave(greedy, [4]);
  });

  test("tshark finds nothing malformed in all of that", async () => {
    const { packets, malformed } = await scene.stopCapture();
    expect(packets).toBeGreaterThan(500);
    expect(malformed).toEqual([]);
  });

  test("hostile gateways: forgeries, data, floods; who is served is not disturbed", async () => {
    const victim = await PythonGateway.start(scene.internet, scene.relay[4]);
    const villain = await PythonGateway.start(scene.internet, scene.relay[4]);
    const query = await victim.join(4, joins(4));
    await victim.until(10, streams(4));
    const before = { ...(await counters()), ...(await drops()) };
    const since = async (name: string): Promise<number> =>
      ({ ...(await counters()), ...(await drops()) }[name] ?? 0) - (before[name] ?? 0);
    // Forged MACs, somebody else's MAC, and another's tunnel torn down.
    await villain.request(4);
    await villain.update(joins(4), { mac: "010203040506" });
    await villain.update(joins(4), { mac: query.mac });
    const there = { address: scene.internet.address4, port: victim.port };
    await villain.teardown({ ...there, mac: "010203040506", nonce: query.nonce });
    await villain.teardown(there);
    await expect.poll(() => since("amt-relay.dropped-wrong-mac"), SOON).toBe(4);
    // Data: AMT is one-way. Then rubbish of all lengths.
    for (let i = 0; i < 5; i++) await villain.raw(`0600450000${"11".repeat(40)}`);
    await expect.poll(() => since("one-way"), SOON).toBe(5);
    for (const hex of [
      "",
      "03",
      "03000000000000",
      "5300000000000000",
      `05${"ff".repeat(60)}`,
      `07${"00".repeat(29)}00`,
    ])
      await villain.raw(hex);
    await expect.poll(() => since("malformed"), SOON).toBeGreaterThan(1);
    expect((await scene.daemon.status()).amt.relay.gateways).toBe(1);
    // A flood of Updates from one who may.
    await villain.join(4, joins(4));
    for (let i = 0; i < 300; i++) await villain.update(joins(4));
    const limited = async (): Promise<number> =>
      (await since("rate-limited")) + (await since("amt-relay.dropped-too-many-updates"));
    await expect.poll(limited, SOON).toBeGreaterThan(100);

    const { rssBytes } = await scene.daemon.json<{ rssBytes: number }>("stats");
    await victim.streams(true);
    const started = performance.now();
    const strangers = scene.internet.spawn(PYTHON, [STRANGERS, scene.relay[4], "100000"]);
    await strangers.line(/^sent 100000$/, 40_000);
    // Meanwhile the victim asks as always, and is answered.
    expect((await victim.request(4)).right).toBe(true);
    const seconds = (performance.now() - started) / 1_000;
    await victim.until(10, streams(4));
    const unanswered = async (): Promise<number> =>
      (await since("rate-limited")) +
      (await since("amt-relay.dropped-too-many-strangers")) +
      (await since("socket-overflow"));
    const answered = 1_000 + 500 * (seconds + 1) + 300;
    await expect.poll(unanswered, SOON).toBeGreaterThan(100_000 - answered);
    expect((await scene.daemon.status()).amt.relay.gateways).toBe(2);
    const after = await scene.daemon.json<{ rssBytes: number }>("stats");
    expect(after.rssBytes - rssBytes).toBeLessThan(40 << 20);
    // A Teardown that is right.
    await victim.teardown(there);
    await victim.untilSilent(streams(4));
    await villain.stop();
    await victim.stop();
  });

  test.skipIf(NO_VLC !== "")(`VLC itself${NO_VLC}`, async () => {
    const words = [
      "-I",
      "dummy",
      "--amt-relay",
      scene.relay[4],
      `amt://${from[4]}@${VIDEO}:5004`,
      "--vout=dummy",
    ];
    const vlc = asNobody(scene.internet).spawn("cvlc", [...words, "--aout=dummy"]);
    await scene.daemon.until(
      "VLC is a gateway that gets the stream",
      ({ amt }) => amt.relay.gateways > 0,
      20_000,
    );
    await vlc.stop();
  });
});
