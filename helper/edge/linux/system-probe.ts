// What the doctor looks at in the kernel.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import type { Endpoint } from "#ports/endpoint.ts";
import type { FirewallDump, SystemProbe } from "#ports/system-probe.ts";
import type { Address } from "#wire/address.ts";
import { echo } from "./echo.ts";
import { openHostJoins } from "./host-joins.ts";
import { parseIgmpVersion } from "./membership-files.ts";
import { NO_JOINS, localMemberships } from "./memberships.ts";

const NFT_MS = 3_000;
/** Rule sets of routers with block lists are large. */
const NFT_BYTES = 32 << 20;

export const linuxProbe: SystemProbe = {
  environment: process.env,
  setting: (path) =>
    readFile(`/proc/sys/${path}`, "latin1").then(
      (text) => text.trim(),
      () => undefined,
    ),
  firewall,
  tryJoin,
  echo,
  connects,
  igmpVersion: (index) => {
    try {
      return parseIgmpVersion(readFileSync("/proc/thread-self/net/igmp", "latin1"), index);
    } catch {
      return undefined;
    }
  },
};

async function firewall(): Promise<FirewallDump> {
  const legacy = await hasLegacyRules();
  const printed = await new Promise<{ readonly out: string } | { readonly reason: string }>((resolve) => {
    execFile(
      "nft",
      ["-j", "list", "ruleset"],
      { timeout: NFT_MS, maxBuffer: NFT_BYTES, env: { PATH: "/usr/sbin:/sbin:/usr/bin:/bin", LANG: "C" } },
      (error, out, errors) => {
        if (!error) resolve({ out });
        else if (error.code === "ENOENT") resolve({ reason: "the program nft is not installed" });
        else resolve({ reason: errors.trim().split("\n")[0] || "nft gave no answer in time" });
      },
    );
  });
  if ("reason" in printed) return { readable: false, reason: printed.reason };
  try {
    return { readable: true, rules: JSON.parse(printed.out), legacy };
  } catch {
    return { readable: false, reason: "what nft printed is not JSON" };
  }
}

/** Tables of the older iptables: nft does not show them. Root alone may look. */
async function hasLegacyRules(): Promise<boolean> {
  const names = await Promise.all(
    ["ip_tables_names", "ip6_tables_names"].map((name) =>
      readFile(`/proc/thread-self/net/${name}`, "latin1").catch(() => ""),
    ),
  );
  return names.some((text) => text.trim() !== "");
}

function connects(to: Endpoint, timeoutMs: number): Promise<number | undefined> {
  const began = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ host: to.address, port: to.port, timeout: timeoutMs });
    const done = (ms: number | undefined): void => {
      socket.destroy();
      resolve(ms);
    };
    socket.once("connect", () => done(performance.now() - began));
    socket.once("timeout", () => done(undefined));
    socket.once("error", () => done(undefined));
  });
}

function tryJoin(interfaceIndex: number, group: Address): boolean {
  const joins = openHostJoins();
  const programs = localMemberships(NO_JOINS);
  try {
    joins.set(interfaceIndex, group, { mode: "exclude", sources: new Set() });
    return programs.read(interfaceIndex).has(group);
  } finally {
    joins.close();
  }
}
