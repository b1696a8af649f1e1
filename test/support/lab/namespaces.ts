// Namespaces with an owner: their names carry the pid of the process that made them, so that runs do not collide
// and what a dead run left behind can be told from what a living one uses.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { run } from "#test/support/child.ts";

const PREFIX = "castaway-lab";
const NAMESPACES = "/run/netns";

export function namespaceName(lab: number, host: string): string {
  return `${PREFIX}-${process.pid}-${lab}-${host}`;
}

/** Names of all namespaces of labs, or of one process's labs. */
export function labNamespaces(pid?: number): string[] {
  if (!existsSync(NAMESPACES)) return [];
  return readdirSync(NAMESPACES).filter((name) => {
    const owner = ownerOf(name);
    return owner !== undefined && (pid === undefined || owner === pid);
  });
}

/** Removes what runs that are dead by now have left: their processes first, then the namespaces. */
export function sweepDeadRuns(): string[] {
  const dead = labNamespaces().filter((name) => !isAlive(ownerOf(name) ?? 0));
  removeNamespaces(dead);
  return dead;
}

/** Kills what still runs in the namespaces and removes them; works in an exit handler, and twice. */
export function removeNamespaces(names: readonly string[]): void {
  for (const name of names) {
    if (!existsSync(`${NAMESPACES}/${name}`)) continue;
    const listed = spawnSync("ip", ["netns", "pids", name], { encoding: "utf8" }).stdout ?? "";
    for (const pid of listed.split(/\s+/).filter(Boolean).map(Number)) {
      if (pid === process.pid) continue;
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone between the list and the signal.
      }
    }
    spawnSync("ip", ["netns", "del", name]);
  }
}

export async function addNamespace(name: string): Promise<void> {
  await run("ip", ["netns", "add", name]);
}

/** `ip -batch` in a namespace: all lines or an error that names the one that failed. */
export async function ipBatch(namespace: string, lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await run("ip", ["-n", namespace, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

export async function inNamespace(namespace: string, command: string, args: readonly string[], input = "") {
  return run("ip", ["netns", "exec", namespace, command, ...args], { input });
}

/** `values`: paths below /proc/sys, with what is written there. */
export async function setSysctls(namespace: string, values: Readonly<Record<string, number>>): Promise<void> {
  const script = Object.entries(values).map(([path, value]) => `echo ${value} > /proc/sys/${path}`);
  await inNamespace(namespace, "sh", ["-e"], `${script.join("\n")}\n`);
}

function ownerOf(name: string): number | undefined {
  const match = new RegExp(`^${PREFIX}-(\\d+)-`).exec(name);
  return match === null ? undefined : Number(match[1]);
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}
