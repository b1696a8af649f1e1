import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { GroupListener, sendGroups, type RawPacket, type UdpGroup } from "#test/support/traffic/groups.ts";
import type { PassedPacket } from "#test/support/traffic/passed-packet.ts";
import { LINK_GROUPS, linkPackets } from "./link-protocols.ts";
import { kernelGroups, startScene, vifOf, type MemberName, type Scene } from "./streams-scene.ts";

const missing = missingForLab();
const COUNT = 15;
const UDP = 17;

/** Groups that do cross, sent together with the others: the path is alive all the time. */
interface Control {
  readonly group4: UdpGroup;
  readonly group6: UdpGroup;
}

function control(n: number): Control {
  return {
    group4: { group: `239.23.0.${n}`, port: 5004, ttl: 64 },
    group6: { group: `ff1e::23:${n}`, port: 5004, ttl: 64 },
  };
}

describe.skipIf(missing !== undefined)(`what belongs to one link${missing ? ` (${missing})` : ""}`, () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await startScene();
  });
  afterAll(async () => scene?.dispose());

  test("is not asked for at home when a guest's program joins it", async () => {
    const { lab } = scene;
    const { group4, group6 } = control(1);
    const listener = await GroupListener.start(lab.host("away"), "castaway0", [
      ...LINK_GROUPS,
      group4,
      group6,
    ]);
    await expect
      .poll(() => kernelGroups(lab.host("home"), "lan"), { timeout: 10_000 })
      .toEqual(expect.arrayContaining([group4.group, group6.group]));
    const joined = await kernelGroups(lab.host("home"), "lan");
    // The kernel has these two on every interface.
    const always = new Set(["224.0.0.1", "ff02::1"]);
    expect(LINK_GROUPS.filter(({ group }) => joined.includes(group) && !always.has(group))).toEqual([]);
    await listener.child.stop();
  });

  test("does not cross from the home LAN to a guest", async () => {
    const { lab } = scene;
    const { group4, group6 } = control(2);
    const far = await listenUntilAsked("away", "castaway0", group4, group6);
    // A program on the home machine has joined it all: what is sent does reach the machine's interface.
    const near = await GroupListener.start(lab.host("home"), "lan", LINK_GROUPS);
    const captures = {
      arrived: await Capture.start(lab.host("home"), "lan"),
      away: await Capture.start(lab.host("away"), "castaway0"),
      away2: await Capture.start(lab.host("away2"), "castaway0"),
    };
    const items = [...LINK_GROUPS, ...linkPackets(group4.group, group6.group), group4, group6];
    const sentTo = await packetsSentTo("away");
    expect(await sendGroups(lab.host("source"), "lan", items, COUNT)).toBe(items.length * COUNT);
    await expectControl(far, group4, group6);

    // At least: the daemon itself looks for a router by SSDP.
    const heard = async (): Promise<string[]> =>
      Object.entries(await near.received()).flatMap(([group, count]) => (count >= COUNT ? [group] : []));
    await expect
      .poll(async () => (await heard()).toSorted(), { timeout: 10_000 })
      .toEqual(LINK_GROUPS.map(({ group }) => group).toSorted());
    const own = await addressesOf("source", "lan");
    const seen = (await captures.arrived.stop()).filter((packet) => own.has(packet.source));
    for (const item of items) expect(countOf(seen, item), item.group).toBeGreaterThanOrEqual(COUNT);
    for (const capture of [captures.away, captures.away2])
      expect(strangers(await capture.stop(), own, group4, group6)).toEqual([]);
    // Nor was it sent and dropped at the far end: the control groups, and the session's own messages.
    expect((await packetsSentTo("away")) - sentTo).toBeLessThan(2 * COUNT + 100); // of some 300
    await Promise.all([far.child.stop(), near.child.stop()]);
  });

  test.each([
    { interfaceName: "castaway0", what: "the tunnel's interface" },
    { interfaceName: "wan", what: "its own LAN's" },
  ])(
    "does not cross from a guest's programs, sent out of $what, to the home LAN",
    async ({ interfaceName }) => {
      const { lab, members } = scene;
      const { group4, group6 } = control(interfaceName === "wan" ? 3 : 4);
      const far = await GroupListener.start(lab.host("listener"), "lan", [...LINK_GROUPS, group4, group6]);
      const guest = await listenUntilAsked("away2", "castaway0", group4, group6);
      const captures = {
        sent: await Capture.start(lab.host("away"), interfaceName),
        // What the home machine puts on its LAN comes into the router by this port.
        lan: await Capture.start(lab.host("home-router"), "p-home"),
        away2: await Capture.start(lab.host("away2"), "castaway0"),
      };
      const items = [...LINK_GROUPS, ...linkPackets(group4.group, group6.group), group4, group6];
      expect(await sendGroups(lab.host("away"), interfaceName, items, COUNT)).toBe(items.length * COUNT);
      await expectControl(far, group4, group6);
      await expectControl(guest, group4, group6);

      const own = await addressesOf("away", interfaceName);
      const sent = (await captures.sent.stop()).filter((packet) => packet.out);
      for (const item of items) expect(countOf(sent, item), item.group).toBeGreaterThanOrEqual(COUNT);
      for (const capture of [captures.lan, captures.away2])
        expect(strangers(await capture.stop(), own, group4, group6)).toEqual([]);
      const { drops } = vifOf(await members.away.daemon.status(), interfaceName);
      expect(drops["scope"] ?? 0).toBeGreaterThan(0);
      await Promise.all([far.child.stop(), guest.child.stop()]);
    },
  );

  /** Listens to everything, and returns once the home machine knows. */
  async function listenUntilAsked(
    guest: Exclude<MemberName, "home">,
    interfaceName: string,
    ...controls: readonly UdpGroup[]
  ): Promise<GroupListener> {
    const groups = [...LINK_GROUPS, ...controls];
    const listener = await GroupListener.start(scene.lab.host(guest), interfaceName, groups);
    const vif = scene.peerVif(guest);
    await scene.members.home.daemon.until(`${guest} listens`, (snapshot) =>
      controls.every(({ group }) =>
        snapshot.groups.some((one) => one.group === group && one.listeners.some((who) => who.vif === vif)),
      ),
    );
    return listener;
  }

  /** Both control groups have come, each once, and nothing of any other. */
  async function expectControl(listener: GroupListener, ...controls: readonly UdpGroup[]): Promise<void> {
    await expect
      .poll(() => listener.received(), { timeout: 10_000 })
      .toEqual({ ...everyGroup(LINK_GROUPS, 0), ...everyGroup(controls, COUNT) });
  }

  async function packetsSentTo(guest: MemberName): Promise<number> {
    return vifOf(await scene.members.home.daemon.status(), scene.peerVif(guest)).traffic.txPackets;
  }

  async function addressesOf(host: string, interfaceName: string): Promise<Set<string>> {
    const words = ["-json", "addr", "show", "dev", interfaceName];
    const { stdout } = await scene.lab.host(host).exec("ip", words);
    const [link] = JSON.parse(stdout) as [{ addr_info: { local: string }[] }];
    return new Set(link.addr_info.map(({ local }) => local));
  }
});

function everyGroup(groups: readonly UdpGroup[], count: number): Record<string, number> {
  return Object.fromEntries(groups.map(({ group }) => [group, count]));
}

function countOf(packets: readonly PassedPacket[], item: UdpGroup | RawPacket): number {
  const protocol = "port" in item ? UDP : item.protocol;
  return packets.filter((packet) => packet.destination === item.group && packet.protocol === protocol).length;
}

/** Packets of the sender, but for the control groups' datagrams. */
function strangers(
  packets: readonly PassedPacket[],
  sender: ReadonlySet<string>,
  ...controls: readonly UdpGroup[]
): string[] {
  const expected = (packet: PassedPacket): boolean =>
    packet.protocol === UDP && controls.some(({ group }) => group === packet.destination);
  return packets
    .filter((packet) => sender.has(packet.source) && !packet.out && !expected(packet))
    .map(({ source, destination, protocol }) => `${source} to ${destination}, protocol ${protocol}`);
}
