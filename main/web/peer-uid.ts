// Whose program is at the other end of a loopback connection, by the kernel's own list. Other users of this computer can
// connect to 127.0.0.1 too, and read the browser's command line, in which the link with its token stands.
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";

const ESTABLISHED = "01";

/** undefined: the system does not say (no Linux, no /proc). */
export function peerUid(
  socket: Pick<Socket, "remoteAddress" | "remotePort" | "localPort">,
): number | undefined {
  const { remoteAddress, remotePort, localPort } = socket;
  if (remoteAddress === undefined || remotePort === undefined || localPort === undefined) return undefined;
  const file = remoteAddress.includes(":") ? "/proc/net/tcp6" : "/proc/net/tcp";
  try {
    return uidInTable(readFileSync(file, "latin1"), remotePort, localPort);
  } catch {
    return undefined;
  }
}

/**
 * proc_net_tcp(5): the connection that has our remote port as its own, and our own as its remote one. Both ends are on
 * loopback, where a pair of ports is enough: each of the two addresses has a listener of ours alone.
 */
export function uidInTable(table: string, theirPort: number, ourPort: number): number | undefined {
  const [theirs, ours] = [portText(theirPort), portText(ourPort)];
  for (const line of table.split("\n")) {
    const [, local, remote, state, , , , uid] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED || !local?.endsWith(theirs) || !remote?.endsWith(ours)) continue;
    return uid !== undefined && /^\d+$/.test(uid) ? Number(uid) : undefined;
  }
  return undefined;
}

function portText(port: number): string {
  return `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** root may do anything anyway, and is who forwards ports; who ran sudo is the person at this computer. */
export function trustedUids(environment: NodeJS.ProcessEnv): ReadonlySet<number> | undefined {
  const own = process.getuid?.();
  if (own === undefined) return undefined;
  const uids = new Set([0, own]);
  const sudo = environment["SUDO_UID"];
  if (own === 0 && sudo !== undefined && /^\d{1,10}$/.test(sudo)) uids.add(Number(sudo));
  return uids;
}
