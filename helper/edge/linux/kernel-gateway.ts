// The kernel's forwarding switches and its packet filter, the latter through the nft program: it speaks to every
// kernel's nftables, and takes a script as one transaction. CAP_NET_ADMIN is enough for both.
import { execFile } from "node:child_process";
import { readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { GatewayError, type KernelGateway } from "#ports/gateway.ts";
import { NetlinkSocket } from "./netlink.ts";
import { findLink } from "./rtnetlink-links.ts";
import { addRoute, deleteRoute } from "./rtnetlink-routes.ts";
import { SystemError } from "./system-error.ts";

/** Never looked up by PATH: what we run gets our capabilities. */
const PLACES = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"];
const TIMEOUT_MS = 10_000;
const OTHERS_WRITE = 0o022;
const INSTALL = "install nftables: apt install nftables, or your system's package of that name";

export function kernelGateway(): KernelGateway {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  return {
    instance: `${boot} ${readlinkSync("/proc/self/ns/net")}`,
    load,
    read: readSetting,
    write: writeSetting,
    addRoute: (prefix, name) => {
      try {
        withLink(name, (netlink, index) => addRoute(netlink, prefix, index));
      } catch (error) {
        throw new GatewayError(
          error instanceof Error ? error.message : String(error),
          "is the interface up?",
        );
      }
    },
    removeRoute: (prefix, name) => {
      try {
        withLink(name, (netlink, index) => deleteRoute(netlink, prefix, index));
      } catch (error) {
        if (!(error instanceof SystemError)) throw error; // it went with its interface
      }
    },
  };
}

function withLink(name: string, use: (netlink: NetlinkSocket, index: number) => void): void {
  const netlink = new NetlinkSocket();
  try {
    use(netlink, findLink(netlink, name).index);
  } finally {
    netlink.close();
  }
}

function load(script: string): Promise<void> {
  const program = PLACES.find(isTrusted);
  if (program === undefined)
    return Promise.reject(new GatewayError("the nft program is not installed", INSTALL));
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      ["-f", "-"],
      { env: { LC_ALL: "C" }, cwd: "/", timeout: TIMEOUT_MS, killSignal: "SIGKILL" },
      (error, _stdout, stderr) => {
        if (!error) return resolve();
        const said = stderr.trim().split("\n")[0] || error.message.split("\n")[0];
        reject(
          new GatewayError(
            `nftables refuses: ${said}`,
            "the kernel needs nf_tables with NAT (modules nft_chain_nat and nft_masq), and the service CAP_NET_ADMIN",
          ),
        );
      },
    );
    child.stdin?.on("error", () => {}); // ended before it had read everything: its exit code says so
    child.stdin?.end(script);
  });
}

/** Root's, and for nobody else to write. */
function isTrusted(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.uid === 0 && (stats.mode & OTHERS_WRITE) === 0;
}

function readSetting(path: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/sys/${path}`, "latin1"));
  } catch {
    return undefined; // this kernel has no such setting, or the interface is gone
  }
}

function writeSetting(path: string, value: number): void {
  try {
    writeFileSync(`/proc/sys/${path}`, `${value}\n`);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new GatewayError(
      `${path} cannot be set: ${code}`,
      `set it by hand, as root: sysctl -w ${path}=${value}; or let the ` +
        "service: ReadWritePaths=/proc/sys/net in its unit",
    );
  }
}
