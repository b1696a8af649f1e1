// A home with a host of a network, and two guests behind NATs of their own.
import type { Snapshot } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab, type LabHost } from "#test/support/lab.ts";
import type { Machine } from "#test/support/machine.ts";
import type { ReceiveReport, Receiver } from "#test/support/traffic/mcast.ts";

export const PORT = 42268;

export type MemberName = "home" | "away" | "away2";
export type Family = 4 | 6;

/** What a member is called by the others, and its addresses in the network. */
export interface SceneMember {
  readonly daemon: TestDaemon;
  readonly machine: LabHost;
  readonly number: number;
  readonly address4: string;
  readonly address6: string;
}

export interface Scene {
  readonly lab: Lab;
  readonly members: Readonly<Record<MemberName, SceneMember>>;
  /** Of the home machine's vif towards a guest. */
  peerVif(guest: MemberName): string;
  dispose(): Promise<void>;
}

/** `outer`: the family of the packets between the members; the other one leads nowhere. */
export async function startScene(outer: Family = 4): Promise<Scene> {
  const lab = await Lab.create({ away: 2, portForward: outer === 4 ? PORT : false });
  try {
    if (outer === 4) await lab.setInboundBlocked6("home", true);
    const [home, away, away2] = await Promise.all(
      (["home", "away", "away2"] as const).map((name) => TestDaemon.inLab(lab, name)),
    );
    const { address4 } = lab.homePublic;
    const endpoint = outer === 4 ? `${address4}:${PORT}` : `[${lab.host("home").address6}]:${PORT}`;
    const { link } = await home!.invite(endpoint, "--uses", "2");
    await away!.join(link);
    await away2!.join(link);
    const members = {
      home: await memberOf(lab, "home", home!),
      away: await memberOf(lab, "away", away!),
      away2: await memberOf(lab, "away2", away2!),
    };
    return {
      lab,
      members,
      peerVif: (guest) => `peer-${members[guest].number}`,
      dispose: () => lab.dispose(),
    };
  } catch (error) {
    await lab.dispose();
    throw error;
  }
}

async function memberOf(lab: Lab, name: MemberName, daemon: TestDaemon): Promise<SceneMember> {
  const snapshot = await daemon.until(`${name} is connected`, ({ networks }) =>
    networks.some((network) => network.state === "connected" && network.ownAddresses.length === 2),
  );
  const network = snapshot.networks[0]!;
  const own = (six: boolean): string =>
    network.ownAddresses.find((address) => address.includes(":") === six)!.split("/")[0]!;
  return {
    daemon,
    machine: lab.host(name),
    number: network.ownNumber!,
    address4: own(false),
    address6: own(true),
  };
}

/** A group as programs take it. */
export function withPort(group: string, port = 5004): string {
  return group.includes(":") ? `[${group}]:${port}` : `${group}:${port}`;
}

/** Drops of one vif of a member, 0 where there were none. */
export async function dropsOf(member: SceneMember, vifName: string, reason: string): Promise<number> {
  return vifOf(await member.daemon.status(), vifName).drops[reason] ?? 0;
}

export function vifOf(snapshot: Snapshot, name: string): Snapshot["vifs"][number] {
  const vif = snapshot.vifs.find((candidate) => candidate.name === name);
  if (vif) return vif;
  throw new Error(`no vif ${name}: there are ${snapshot.vifs.map((one) => one.name).join(", ")}`);
}

/** Polls the receiver's figures until they are as wanted. */
export async function reportUntil(
  receiver: Receiver,
  what: string,
  wanted: (report: ReceiveReport) => boolean,
  timeoutMs = 10_000,
): Promise<ReceiveReport> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const report = await receiver.report();
    if (wanted(report)) return report;
    if (performance.now() > deadline)
      throw new Error(
        `${receiver.child.label}: not within ${timeoutMs} ms: ${what}: ${JSON.stringify(report)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** The groups that the kernel of a machine has joined on an interface, as `ip` prints them. */
export async function kernelGroups(machine: Machine, interfaceName: string): Promise<string[]> {
  const { stdout } = await machine.exec("ip", ["-json", "maddress", "show", "dev", interfaceName]);
  const shown = JSON.parse(stdout) as { maddr: { family?: string; address?: string }[] }[];
  return shown.flatMap(({ maddr }) =>
    maddr.flatMap(({ family, address }) =>
      address !== undefined && (family === "inet" || family === "inet6") ? [address] : [],
    ),
  );
}

/** Groups that a router's bridge, which snoops, sends to a port. */
export async function bridgeForwards(router: Machine, port: string): Promise<string[]> {
  const { stdout } = await router.exec("bridge", ["-json", "mdb", "show"]);
  const [table] = JSON.parse(stdout) as [{ mdb: { port: string; grp: string }[] }];
  return table.mdb.filter((entry) => entry.port === port).map(({ grp }) => grp);
}
