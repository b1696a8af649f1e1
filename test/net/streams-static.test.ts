import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { StaticRoute } from "#contract/snapshot.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { startSender, type SendOptions } from "#test/support/traffic/mcast.ts";
import type { PassedPacket } from "#test/support/traffic/passed-packet.ts";
import { FRAME_OVERHEAD } from "#wire/frame.ts";
import { membershipRecords } from "./membership-records.ts";
import { kernelGroups, startScene, vifOf, withPort, type MemberName, type Scene } from "./streams-scene.ts";

const missing = missingForLab();
const TUN = "castaway0";
/** The home router's port of the home machine. */
const HOME_PORT = "p-home";
const COUNT = 200;
const SIZE = 1316;
const SEND: Omit<SendOptions, "group"> = { rate: 1000, count: COUNT, size: SIZE };
const UDP_HEADER = 8;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;

const KINDS = [
  { kind: "IPv4", ipHeader: IPV4_HEADER, group: (n: number) => `239.25.0.${n}` },
  { kind: "IPv6", ipHeader: IPV6_HEADER, group: (n: number) => `ff1e::25:${n}` },
] as const;

// Nobody joins anything in these tests but Castaway, because it is told to.
describe.skipIf(missing !== undefined)(`without a listener${missing ? ` (${missing})` : ""}`, () => {
  let scene: Scene;
  let hostVif: string;

  beforeAll(async () => {
    scene = await startScene();
    const { vifs } = await scene.members.away.daemon.status();
    hostVif = vifs.find(({ kind }) => kind === "peer")!.name;
  });
  afterAll(async () => scene?.dispose());
  // What a test has added would let the next one through, and itself where it is tried again.
  afterEach(async () => {
    for (const { daemon } of Object.values(scene.members)) {
      const { routes } = await daemon.json<{ routes: StaticRoute[] }>("routes", "list");
      for (const { id } of routes) await daemon.json("routes", "remove", id);
    }
  });

  /** Adds an entry and returns its id. */
  async function addRoute(member: MemberName, group: string, ...words: string[]): Promise<string> {
    const { daemon } = scene.members[member];
    return (await daemon.json<{ id: string }>("routes", "add", group, ...words)).id;
  }

  async function send(host: string, group: string, options: Partial<SendOptions> = {}): Promise<void> {
    const sender = await startSender(scene.lab.host(host), { group: withPort(group), ...SEND, ...options });
    expect(await sender.finished()).toMatchObject({ sent: COUNT });
  }

  /** Waits until so many of the wanted packets have passed, and finds that no more have. */
  async function expectCount(capture: Capture, wanted: (packet: PassedPacket) => boolean): Promise<void> {
    const count = async (): Promise<number> => (await capture.packets()).filter(wanted).length;
    await expect.poll(count, { timeout: 10_000 }).toBeGreaterThanOrEqual(COUNT);
    expect(await count()).toBe(COUNT);
  }

  const of = (group: string) => (packet: PassedPacket) => packet.destination === group && !packet.out;

  describe.each(KINDS)("$kind", ({ group: groupOf, ipHeader }) => {
    /** Carries what `send` has sent through the tunnel, and is no probe of the path's MTU, which is as long nearly. */
    const carries = ({ length }: PassedPacket): boolean =>
      length === IPV4_HEADER + UDP_HEADER + FRAME_OVERHEAD + ipHeader + UDP_HEADER + SIZE;

    test("a static join is the kernel's on the LAN; taken back, the kernel leaves", async () => {
      const { lab, members } = scene;
      const group = groupOf(1);
      const wire = await Capture.start(lab.host("home-router"), HOME_PORT);
      const says = (type: string) => (packet: PassedPacket) =>
        !packet.out && membershipRecords([packet], group).some((record) => record.type === type);
      const id = await addRoute("home", group, "--from", "lan");
      const { routes } = await members.home.daemon.json<{ routes: StaticRoute[] }>("routes", "list");
      expect(routes.find((route) => route.id === id)).toMatchObject({ group, active: true });
      expect(await kernelGroups(lab.host("home"), "lan")).toContain(group);
      await wire.until("the kernel joins", says("to-exclude"));
      await send("source", group);
      await expectCount(wire, (packet) => packet.destination === group && packet.out);
      await members.home.daemon.json("routes", "remove", id);
      expect(await kernelGroups(lab.host("home"), "lan")).not.toContain(group);
      await wire.until("the kernel leaves", says("to-include"));
      await wire.stop();
    });

    test("a guest's static join brings a group over the tunnel", async () => {
      const { lab, members } = scene;
      const group = groupOf(2);
      const towards = await Capture.start(lab.host("internet"), "away", 64);
      const other = await Capture.start(lab.host("internet"), "away2", 64);
      const id = await addRoute("away", group, "--from", hostVif);
      await expect.poll(() => kernelGroups(lab.host("home"), "lan"), { timeout: 10_000 }).toContain(group);
      await send("source", group);
      await expectCount(towards, carries);
      expect((await other.stop()).filter(carries)).toEqual([]);
      await members.away.daemon.json("routes", "remove", id);
      await expect
        .poll(() => kernelGroups(lab.host("home"), "lan"), { timeout: 10_000 })
        .not.toContain(group);
      await towards.stop();
    });

    test("static routes carry a group from the home LAN to every guest, and out of one guest's tunnel end", async () => {
      const { lab } = scene;
      const group = groupOf(3);
      await addRoute("home", group, "--from", "lan");
      await addRoute("home", group, "--from", "lan", "--to", "peer-+");
      await addRoute("away", group, "--from", hostVif, "--to", TUN);
      const tun = await Capture.start(lab.host("away"), TUN, 64);
      const tun2 = await Capture.start(lab.host("away2"), TUN, 64);
      const arrived = async (guest: MemberName, name: string): Promise<number> =>
        vifOf(await scene.members[guest].daemon.status(), name).drops["no-listener"] ?? 0;
      const hostVif2 = (await scene.members.away2.daemon.status()).vifs.find(
        ({ kind }) => kind === "peer",
      )!.name;
      const before = await arrived("away2", hostVif2);
      expect(await kernelGroups(lab.host("away"), TUN)).not.toContain(group);
      await send("source", group);
      await expectCount(tun, of(group));
      // The other guest has it too, and no use for it.
      await expect
        .poll(async () => (await arrived("away2", hostVif2)) - before, { timeout: 10_000 })
        .toBe(COUNT);
      expect((await tun2.stop()).filter(of(group))).toEqual([]);
      await tun.stop();
    });

    test("static routes carry a group from a guest's program to the home LAN", async () => {
      const { lab } = scene;
      const group = groupOf(4);
      await addRoute("away", group, "--from", TUN, "--to", hostVif);
      const wire = await Capture.start(lab.host("home-router"), HOME_PORT);
      const internet = await Capture.start(lab.host("internet"), "away", 64);
      // Without the home machine's route it ends there.
      await send("away", group);
      await expectCount(internet, carries);
      expect((await wire.packets()).filter(of(group))).toEqual([]);
      await addRoute("home", group, "--from", scene.peerVif("away"), "--to", "lan");
      await send("away", group);
      await expectCount(wire, of(group));
      await Promise.all([wire.stop(), internet.stop()]);
    });

    test("a static route for some sources carries these alone", async () => {
      const { lab } = scene;
      const group = groupOf(5);
      const six = group.includes(":");
      const wanted = six ? lab.host("source").address6 : lab.host("source").address4;
      // The source is at 20 of its network, the listener at 30.
      const range = six ? "2001:db8:1:1::20/124" : "192.168.1.16/29";
      await addRoute("home", group, "--from", "lan");
      await addRoute("home", group, "--from", "lan", "--source", range, "--to", scene.peerVif("away"));
      await addRoute("away", group, "--from", hostVif, "--to", TUN);
      const tun = await Capture.start(lab.host("away"), TUN, 64);
      await send("listener", group);
      await send("source", group);
      await expectCount(tun, of(group));
      const sources = new Set((await tun.stop()).filter(of(group)).map((packet) => packet.source));
      expect([...sources]).toEqual([wanted]);
    });
  });

  test("a static route for every group there is carries none that belongs to one link", async () => {
    const { lab, members } = scene;
    const forbidden = ["224.0.0.251", "224.0.0.200", "239.255.255.250", "ff02::fb", "ff05::c"];
    const controls = ["239.25.0.99", "ff1e::25:99"];
    for (const group of forbidden) {
      const { code, stderr } = await members.home.daemon.castaway("routes", "add", group, "--from", "lan");
      expect(code).not.toBe(0);
      expect(stderr).toContain("stays on its link");
    }
    for (const range of ["224.0.0.0/4", "ff00::/8"]) {
      await addRoute("home", range, "--from", "lan", "--to", "peer-+");
      await addRoute("away", range, "--from", hostVif, "--to", TUN);
    }
    for (const group of controls) await addRoute("home", group, "--from", "lan");
    const tun = await Capture.start(lab.host("away"), TUN, 64);
    const arrived = await Capture.start(lab.host("home"), "lan", 64);
    for (const group of [...forbidden, ...controls]) await send("source", group, { interface: "lan" });
    for (const group of controls) await expectCount(tun, of(group));
    const groupsOf = async (capture: Capture): Promise<Set<string>> =>
      new Set((await capture.stop()).filter(({ out }) => !out).map((packet) => packet.destination));
    expect([...(await groupsOf(arrived))]).toEqual(expect.arrayContaining(["224.0.0.251", "224.0.0.200"]));
    const crossed = await groupsOf(tun);
    expect(forbidden.filter((group) => crossed.has(group))).toEqual([]);
  });
});
