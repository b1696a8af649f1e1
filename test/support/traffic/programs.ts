// Other programs of the world that send and receive multicast or make load.
import type { Child } from "#test/support/child.ts";
import { words, type Machine } from "#test/support/machine.ts";

/** socat joins the group on the interface that has the address and prints what arrives. */
export function socatReceive(machine: Machine, group: string, port: number, localAddress: string): Child {
  const membership = `ip-add-membership=${group}:${localAddress}`;
  return machine.spawn("socat", ["-u", `UDP4-RECV:${port},bind=${group},${membership},reuseaddr`, "STDOUT"]);
}

/** One datagram with the text. */
export async function socatSend(machine: Machine, group: string, port: number, text: string, ttl = 16) {
  const target = `UDP4-DATAGRAM:${group}:${port},ip-multicast-ttl=${ttl}`;
  await machine.exec("socat", ["-u", "STDIN", target], { input: text });
}

/** iperf 2 joins the group; resolves when it listens. stdout has a line a second. */
export async function iperfReceive(machine: Machine, group: string, family: 4 | 6 = 4): Promise<Child> {
  const child = machine.spawn("stdbuf", [
    ...words(`-oL iperf -s -u -i 1 -B ${group}`),
    ...(family === 6 ? ["-V"] : []),
  ]);
  await child.line(/listening on/i);
  return child;
}

/** iperf 2 sends for `seconds`; 1316-byte datagrams unless told otherwise. */
export async function iperfSend(
  machine: Machine,
  group: string,
  options: {
    readonly megabits: number;
    readonly seconds: number;
    readonly size?: number;
    readonly ttl?: number;
  },
): Promise<string> {
  const { megabits, seconds, size = 1316, ttl = 16 } = options;
  const line = words(`-c ${group} -u -T ${ttl} -t ${seconds} -b ${megabits}M -l ${size}`);
  const family = group.includes(":") ? ["-V"] : [];
  return (await machine.exec("iperf", [...line, ...family], { timeoutMs: (seconds + 15) * 1000 })).stdout;
}
