// smcroute's documented examples (its README, smcroute.conf(5), smcroutectl(8)), done by smcrouted and by Castaway on the same
// router: the kernel joins the same, and the same machines get the same packets.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StaticRoute } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { Capture } from "#test/support/traffic/capture.ts";
import { GroupListener, sendGroups, type UdpGroup } from "#test/support/traffic/groups.ts";
import { encodeIgmp } from "#wire/igmp.ts";
import { decodeMembershipPacket } from "#wire/membership-packet.ts";
import { startRouterScene, type RouterScene } from "./proxy-scene.ts";
import { kernelGroups } from "./streams-scene.ts";
import { SMCROUTE_EXAMPLE } from "#test/support/smcroute-example.ts";

const missing = missingForLab("smcrouted", "smcroutectl");
const LANS = ["eth0", "eth1", "eth2", "virbr0"] as const;
type Lan = (typeof LANS)[number];
/** The sources that the examples name, and another one behind eth0. */
const HOSTS = { eth0: "192.168.1.42", virbr0: "192.168.123.110" };
const OTHER = "192.168.1.43";
const COUNT = 20;
/** "Expect at least one initial frame to be lost when using (*,G) rules": smcroute.conf(5). */
const LOST_BY_KERNEL = 3;
const GENERAL_QUERY = encodeIgmp({
  kind: "query",
  version: 3,
  group: undefined,
  maxResponseMs: 100,
  suppress: false,
  robustness: 2,
  queryIntervalS: 125,
  sources: [],
});
const IGMP = 2;

interface Probe {
  readonly from: Lan;
  readonly group: string;
  readonly source?: string;
  readonly ttl?: number;
  /** Who gets it. */
  readonly to: readonly Lan[];
}

interface Example {
  readonly what: string;
  readonly conf: string;
  /** At run time: smcroutectl's words, and Castaway's; a route that is removed is named by its group. */
  readonly commands?: readonly (readonly [string, string])[];
  readonly probes: readonly Probe[];
}

const ENABLE = LANS.map((name) => `phyint ${name} enable`).join("\n");
const FROM_42 = { from: "eth0", source: HOSTS.eth0 } as const;
const FROM_43 = { from: "eth0", source: OTHER } as const;

const EXAMPLES: readonly Example[] = [
  {
    what: "README: a group, a source of it, and their route",
    conf: `${ENABLE}
mgroup from eth0 group 225.1.2.3
mgroup from eth0 group 225.1.2.3 source 192.168.1.42
mroute from eth0 group 225.1.2.3 source 192.168.1.42 to eth1 eth2`,
    probes: [
      { ...FROM_42, group: "225.1.2.3", to: ["eth1", "eth2"] },
      { ...FROM_43, group: "225.1.2.3", to: [] },
      { ...FROM_42, group: "225.1.2.4", to: [] },
    ],
  },
  {
    what: "README: (*,G)",
    conf: `${ENABLE}
mgroup from eth0 group 225.1.2.3
mroute from eth0 group 225.1.2.3 to eth1 eth2`,
    probes: [
      { ...FROM_42, group: "225.1.2.3", to: ["eth1", "eth2"] },
      { ...FROM_43, group: "225.1.2.3", ttl: 2, to: ["eth1", "eth2"] },
      { ...FROM_43, group: "225.1.2.3", ttl: 1, to: [] },
      { from: "virbr0", group: "225.1.2.3", to: [] },
    ],
  },
  {
    what: "smcroute.conf(5): thresholds, SSM, (*,G) and ranges",
    conf: SMCROUTE_EXAMPLE,
    probes: [
      { ...FROM_42, group: "225.1.2.3", to: ["eth1", "eth2"] },
      { ...FROM_42, group: "225.1.2.3", ttl: 5, to: ["eth1"] },
      { ...FROM_42, group: "225.1.2.3", ttl: 3, to: [] },
      { from: "virbr0", group: "225.1.2.4", ttl: 12, to: ["eth0"] },
      { from: "virbr0", group: "225.1.2.4", ttl: 11, to: [] },
      { ...FROM_43, group: "225.3.2.1", to: ["eth1", "eth2"] },
      { ...FROM_43, group: "225.0.0.77", to: ["eth1", "eth2"] },
      { ...FROM_43, group: "225.1.2.3", to: [] },
    ],
  },
  {
    what: "smcroutectl(8): join, add and remove at run time",
    conf: ENABLE,
    commands: [
      ["join eth0 225.1.2.3", "add 225.1.2.3 --from eth0"],
      ["join eth0 225.1.2.4", "add 225.1.2.4 --from eth0"],
      [
        "add eth0 192.168.1.42 225.1.2.3 eth1 eth2",
        "add 225.1.2.3 --source 192.168.1.42 --from eth0 --to eth1 eth2",
      ],
      ["add eth0 225.0.0.0/24 eth1", "add 225.0.0.0/24 --from eth0 --to eth1"],
      ["add virbr0 225.1.2.4 eth0", "add 225.1.2.4 --from virbr0 --to eth0"],
      ["remove virbr0 225.1.2.4", "remove 225.1.2.4 virbr0"],
      ["leave eth0 225.1.2.4", "remove 225.1.2.4 eth0"],
    ],
    probes: [
      { ...FROM_42, group: "225.1.2.3", to: ["eth1", "eth2"] },
      { ...FROM_43, group: "225.0.0.77", to: ["eth1"] },
      { from: "virbr0", group: "225.1.2.4", to: [] },
    ],
  },
  {
    what: "interface wildcards",
    conf: `${ENABLE}
mgroup from eth+ group 225.1.2.5
mroute from eth+ group 225.1.2.5 to virbr0`,
    probes: [
      { ...FROM_42, group: "225.1.2.5", to: ["virbr0"] },
      { from: "eth2", group: "225.1.2.5", to: ["virbr0"] },
      { from: "virbr0", group: "225.1.2.5", to: [] },
    ],
  },
  {
    what: "IPv6: (*,G), and a source",
    conf: `${ENABLE}
mgroup from eth0 group ff1e::42
mroute from eth0 group ff1e::42 to eth1 eth2
mroute from eth2 source 2001:db8:1:3::2 group ff1e::43 to virbr0`,
    probes: [
      { from: "eth0", group: "ff1e::42", to: ["eth1", "eth2"] },
      { from: "eth0", group: "ff1e::42", ttl: 1, to: [] },
      { from: "eth2", group: "ff1e::43", to: ["virbr0"] },
      { from: "eth1", group: "ff1e::43", to: [] },
    ],
  },
];

interface Outcome {
  /** By LAN: what the kernel has joined of the examples' groups. */
  readonly groups: readonly (readonly string[])[];
  /** What its reports on eth0 and virbr0 say of IPv4 groups: "225.1.2.4 include 192.168.123.110". */
  readonly reported: readonly (readonly string[])[];
  /** Packets by probe and LAN. */
  readonly received: readonly (readonly number[])[];
}

describe.skipIf(missing !== undefined)(`smcroute's examples${missing ? ` (${missing})` : ""}`, () => {
  let scene: RouterScene;
  let folder: string;
  let listeners: readonly GroupListener[];
  const theirs = new Map<string, Outcome>();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "castaway-smcroute-"));
    scene = startRouterScene("smc", LANS, HOSTS);
    await scene.behind("eth0").exec("ip", ["addr", "add", `${OTHER}/24`, "dev", "lan"]);
    const items = EXAMPLES.flatMap(({ probes }, example) => itemsOf(probes, example));
    listeners = await Promise.all(LANS.map((lan) => GroupListener.start(scene.behind(lan), "lan", items)));
  });
  afterAll(async () => {
    await scene?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Each probe has a port of its own, so that what is counted is that probe's. */
  function itemsOf(probes: readonly Probe[], example: number): (UdpGroup & { readonly from: Lan })[] {
    return probes.map(({ from, group, source, ttl = 16 }, i) => {
      const port = 5000 + 20 * example + i;
      return { from, group, ttl, port, name: String(port), ...(source !== undefined && { source }) };
    });
  }

  async function groupsOn(lan: Lan): Promise<string[]> {
    const all = await kernelGroups(scene.router, lan);
    return all.filter((group) => group.startsWith("225.") || group.startsWith("ff1e::4")).sort();
  }

  /** The kernel's lists leave sources out where another group was joined later; its reports do not. */
  async function reported(lan: Lan, groups: readonly string[]): Promise<string[]> {
    const machine = scene.behind(lan);
    const wanted = groups.filter((group) => !group.includes(":"));
    if (wanted.length === 0) return [];
    const wire = await Capture.start(machine, "lan", 2048);
    const query = { group: "224.0.0.1", protocol: IGMP, payload: GENERAL_QUERY.toHex(), ttl: 1, alert: true };
    const said = new Map<string, string>();
    const ask = async (): Promise<string[]> => {
      await sendGroups(machine, "lan", [query], 1);
      for (const { bytes, out } of await wire.packets()) {
        const decoded = decodeMembershipPacket(bytes);
        if (out || "refused" in decoded || decoded.message.kind !== "report") continue;
        for (const { group, type, sources } of decoded.message.records)
          if (type.startsWith("is-")) said.set(group, `${group} ${type} ${[...sources].sort().join()}`);
      }
      return wanted.filter((group) => !said.has(group));
    };
    await expect.poll(ask, { timeout: 10_000, interval: 300 }).toEqual([]);
    await wire.stop();
    return wanted.map((group) => said.get(group)!);
  }

  async function outcome(example: number): Promise<Outcome> {
    const groups = await Promise.all(LANS.map(groupsOn));
    const items = itemsOf(EXAMPLES[example]!.probes, example);
    const senders = LANS.map((lan) => items.filter(({ from }) => from === lan)).filter(
      ({ length }) => length > 0,
    );
    const counts = (): Promise<Readonly<Record<string, number>>[]> =>
      Promise.all(listeners.map((listener) => listener.received()));
    const before = await counts();
    await Promise.all(senders.map((some) => sendGroups(scene.behind(some[0]!.from), "lan", some, COUNT)));
    // What is to arrive has to; what is not has had as long.
    const expected = EXAMPLES[example]!.probes.map(({ to }) => to.map((lan) => LANS.indexOf(lan)));
    await expect
      .poll(
        async () => {
          const now = await counts();
          return items.every(({ name }, i) =>
            expected[i]!.every((lan) => now[lan]![name!]! - before[lan]![name!]! >= COUNT - LOST_BY_KERNEL),
          );
        },
        { timeout: 10_000 },
      )
      .toBe(true);
    const after = await counts();
    return {
      groups,
      reported: [
        await reported("eth0", groups[LANS.indexOf("eth0")]!),
        await reported("virbr0", groups[LANS.indexOf("virbr0")]!),
      ],
      // A sender's own LAN hears it in any case.
      received: items.map(({ name, from }) =>
        LANS.map((lan, i) => (lan === from ? 0 : after[i]![name!]! - before[i]![name!]!)),
      ),
    };
  }

  const fileOf = (example: number): string => {
    const path = join(folder, "smcroute.conf");
    writeFileSync(path, `${EXAMPLES[example]!.conf}\n`);
    return path;
  };
  const lastJoin = (example: number): string | undefined =>
    [...EXAMPLES[example]!.conf.matchAll(/^mgroup from (?:eth0|eth\+).*group (\S+)$/gm)]
      .at(-1)?.[1]
      ?.replace("/24", "");

  describe("by smcrouted", () => {
    test.each(EXAMPLES.map(({ what }, i) => [what, i] as const))("%s", async (what, example) => {
      const socket = join(folder, "sock");
      const words = ["-n", "-N", "-f", fileOf(example), "-P", join(folder, "pid"), "-u", socket];
      const smcrouted = scene.router.spawn("smcrouted", words);
      try {
        const control = (command: string): Promise<{ code?: number | undefined }> =>
          scene.router.exec("smcroutectl", ["-u", socket, ...command.split(" ")], { anyExit: true });
        await expect.poll(async () => (await control("show")).code, { timeout: 10_000 }).toBe(0);
        const last = lastJoin(example);
        if (last) await expect.poll(() => groupsOn("eth0"), { timeout: 10_000 }).toContain(last);
        for (const [command] of EXAMPLES[example]!.commands ?? [])
          expect((await control(command)).code).toBe(0);
        theirs.set(what, await outcome(example));
      } finally {
        await smcrouted.stop("SIGTERM");
      }
    });
  });

  describe("by castaway, the same", () => {
    let daemon: TestDaemon;
    beforeAll(async () => {
      daemon = await TestDaemon.start(scene.router, { args: ["--routes", fileOf(0)] });
    });
    afterAll(async () => daemon?.dispose());

    test.each(EXAMPLES.map(({ what }, i) => [what, i] as const))("%s", async (what, example) => {
      fileOf(example);
      await daemon.json("reload");
      const list = async (): Promise<StaticRoute[]> => (await daemon.status()).routes;
      for (const [, command] of EXAMPLES[example]!.commands ?? []) {
        const [verb, group, from] = command.split(" ");
        if (verb === "add") await daemon.json("routes", ...command.split(" "));
        else {
          const route = (await list()).find((one) => one.group === group && one.fromVif === from);
          await daemon.json("routes", "remove", route!.id);
        }
      }
      expect((await list()).every(({ active }) => active)).toBe(true);
      const { received, ...joins } = await outcome(example);
      const { received: byKernel, ...joinsOfTheirs } = theirs.get(what)!;
      expect(joins).toEqual(joinsOfTheirs);
      const { probes } = EXAMPLES[example]!;
      expect(received).toEqual(probes.map(({ to }) => LANS.map((lan) => (to.includes(lan) ? COUNT : 0))));
      expect(byKernel.map((row) => row.map((count) => count > 0))).toEqual(
        received.map((row) => row.map((count) => count > 0)),
      );
      for (const { id, origin } of await list())
        if (origin === undefined) await daemon.json("routes", "remove", id);
    });
  });
});
