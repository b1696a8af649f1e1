// Many groups at once (groups.py): for tests of what must not pass, where a program a group would be too many.
import { fileURLToPath } from "node:url";
import type { Child } from "#test/support/child.ts";
import type { Machine } from "#test/support/machine.ts";
import { PYTHON } from "#test/support/python.ts";

const PROGRAM = fileURLToPath(new URL("./groups.py", import.meta.url));

export interface UdpGroup {
  readonly group: string;
  readonly port: number;
  readonly ttl: number;
  /** An address of the sender's. */
  readonly source?: string;
  /** What the listener counts it by; its group otherwise. */
  readonly name?: string;
}

/** A packet of another protocol. The kernel fills in the checksum of ICMPv6 alone. */
export interface RawPacket {
  readonly group: string;
  readonly protocol: number;
  /** Hexadecimal, from the protocol's own header on. */
  readonly payload: string;
  readonly ttl: number;
  /** With the router alert option, as IGMP and MLD have it. */
  readonly alert?: boolean;
}

/** Sends each `count` times out of the interface; resolves with the number of packets sent. */
export async function sendGroups(
  machine: Machine,
  interfaceName: string,
  items: readonly (UdpGroup | RawPacket)[],
  count: number,
): Promise<number> {
  const { stdout } = await machine.exec(PYTHON, [PROGRAM, "send", interfaceName, String(count)], {
    input: `${JSON.stringify(items)}\n`,
  });
  return (JSON.parse(stdout) as { sent: number }).sent;
}

/** Has joined groups on one interface and counts what comes to each. */
export class GroupListener {
  readonly child: Child;

  private constructor(child: Child) {
    this.child = child;
  }

  /** Resolves once all are joined. */
  static async start(
    machine: Machine,
    interfaceName: string,
    groups: readonly UdpGroup[],
  ): Promise<GroupListener> {
    const label = `${machine.name}: listens to ${groups.length} groups on ${interfaceName}`;
    const child = machine.spawn(PYTHON, [PROGRAM, "listen", interfaceName], { label });
    child.write(`${JSON.stringify(groups)}\n`);
    await child.line(/"ready"/);
    return new GroupListener(child);
  }

  /** Datagrams by group, or name, so far. */
  async received(): Promise<Readonly<Record<string, number>>> {
    this.child.takeLines();
    this.child.write("report\n");
    const line = await this.child.line(/"report"/);
    return (JSON.parse(line) as { received: Record<string, number> }).received;
  }
}
