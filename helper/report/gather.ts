// What goes into a report: everything that the daemon tells without a secret, each part by itself, so that one that
// cannot be had does not cost the others.
import { readFileSync } from "node:fs";
import { hostname, release } from "node:os";
import type { ControlClient } from "#contract/control-client.ts";
import { ControlError } from "#contract/errors.ts";
import type { Reach } from "#contract/reach.ts";
import type { Check, LogLine, Snapshot, Stats } from "#contract/snapshot.ts";

export interface Report {
  readonly madeAt: string;
  readonly versions: {
    readonly program: string;
    readonly daemon: string | null;
    readonly node: string;
    readonly kernel: string;
    readonly system: string;
    readonly machine: string;
  };
  readonly checks: readonly Check[];
  readonly snapshot: Snapshot | null;
  readonly stats: Stats | null;
  readonly settings: {
    readonly reach: Reach | null;
    readonly owners: readonly number[] | null;
  };
  readonly log: readonly LogLine[];
  /** What could not be had, and why. */
  readonly missing: readonly string[];
}

type Caller = Pick<ControlClient, "call" | "hello">;

/** `client` undefined: the daemon cannot be asked. */
export async function gather(
  client: Caller | undefined,
  from: {
    readonly version: string;
    readonly wall: number;
    readonly checks: readonly Check[];
    readonly lines: number;
  },
): Promise<Report> {
  const missing: string[] = [];
  const part = async <T>(name: string, ask: (client: Caller) => Promise<T>): Promise<T | null> => {
    if (!client) return null;
    try {
      return await ask(client);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      missing.push(`${name}: ${error.message}`);
      return null;
    }
  };
  const dump = await part("dump", (one) => one.call("dump", {}));
  const snapshot = dump?.snapshot ?? (await part("status", (one) => one.call("status", {})));
  const stats = dump?.stats ?? (await part("stats", (one) => one.call("stats", {})));
  const reach = await part("reach", (one) => one.call("reach.get", {}));
  const owners = await part("owners", (one) => one.call("owners.list", {}));
  const logs = await part("logs", (one) => one.call("logs", { limit: from.lines }));
  if (!client) missing.push("everything that the daemon knows: it cannot be asked");
  return {
    madeAt: new Date(from.wall).toISOString(),
    versions: {
      program: from.version,
      daemon: client?.hello.buildVersion ?? null,
      node: process.version,
      kernel: release(),
      system: systemName(),
      machine: process.arch,
    },
    checks: from.checks,
    snapshot,
    stats,
    settings: { reach, owners: owners?.uids ?? null },
    log: logs?.lines ?? [],
    missing,
  };
}

/** What people have chosen, and what stands for it in a report. */
export function namesIn({ snapshot }: Report): Map<string, string> {
  const names = new Map<string, string>();
  const add = (name: string, instead: string): void => {
    if (name !== "" && !names.has(name)) names.set(name, instead);
  };
  add(hostname(), "this-computer");
  if (!snapshot) return names;
  add(snapshot.daemon.hostname, "this-computer");
  for (const [i, network] of snapshot.networks.entries()) {
    add(network.name, `network-${i + 1}`);
    for (const { name, number } of network.members) add(name, `member-${number}-of-network-${i + 1}`);
    for (const { label, id } of network.invites) add(label ?? "", `label-of-${id}`);
    for (const { name, id } of network.requests) add(name, `guest-${id}`);
  }
  for (const [i, { name, nameFrom, sourceName }] of snapshot.groups.entries()) {
    if (name !== null && nameFrom === "announcement") add(name, `stream-${i + 1}`);
    if (sourceName !== null) add(sourceName, `source-${i + 1}`);
  }
  return names;
}

/** Ids that are no secret. */
export function idsIn({ snapshot }: Report): Set<string> {
  return new Set(
    (snapshot?.networks ?? []).flatMap(({ id, invites }) => [id, ...invites.map((invite) => invite.id)]),
  );
}

/** os-release(5). */
function systemName(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? process.platform;
  } catch {
    return process.platform;
  }
}
