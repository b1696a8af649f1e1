// Routers between LANs, in network namespaces: each LAN is a bridge in a namespace of its own.
import { execFileSync } from "node:child_process";
import { Machine } from "#test/support/machine.ts";

export interface Place {
  readonly lan: string;
  readonly host: number;
}

/** Machines on LANs. A machine's interface is called as its LAN; LAN n is 10.77.n.0/24 and fd77:n::/64. */
export class LanScene {
  readonly machines: Readonly<Record<string, Machine>>;
  readonly #namespaces: readonly string[];
  readonly #wires: string;

  /** `places`: by machine, the LANs that it is on, with the last part of its address. */
  constructor(prefix: string, lans: readonly string[], places: Readonly<Record<string, readonly Place[]>>) {
    const nameOf = (machine: string): string => `cw-${prefix}-${process.pid}-${machine}`;
    this.#wires = nameOf("wires");
    this.#namespaces = [this.#wires, ...Object.keys(places).map(nameOf)];
    this.machines = Object.fromEntries(
      Object.keys(places).map((name) => [name, new Machine(name, ["ip", "netns", "exec", nameOf(name)])]),
    );
    for (const name of this.#namespaces) ip(`netns add ${name}`);
    for (const lan of lans)
      inside(this.#wires, [`link add ${lan} type bridge mcast_snooping 0`, `link set ${lan} up`]);
    for (const [machine, on] of Object.entries(places)) {
      const namespace = nameOf(machine);
      inside(namespace, ["link set lo up"]);
      for (const { lan, host } of on) {
        const number = lans.indexOf(lan) + 1;
        const port = `p${number}-${Object.keys(places).indexOf(machine)}`;
        inside(namespace, [
          `link add ${lan} type veth peer name ${port} netns ${this.#wires}`,
          `addr add 10.77.${number}.${host}/24 dev ${lan}`,
          `addr add fd77:${number}::${host}/64 dev ${lan} nodad`,
          `link set ${lan} up`,
        ]);
        inside(this.#wires, [`link set ${port} master ${lan} up`]);
      }
      // Where a program sends that names no interface.
      inside(namespace, [`route add 224.0.0.0/4 dev ${on[0]!.lan}`]);
    }
  }

  /** A cable between two LANs: one wire from now on. */
  bridge(one: string, other: string): void {
    inside(this.#wires, [
      `link add x-${one} type veth peer name x-${other}`,
      `link set x-${one} master ${one} up`,
      `link set x-${other} master ${other} up`,
    ]);
  }

  async dispose(): Promise<void> {
    await Promise.all(Object.values(this.machines).map((machine) => machine.stopAll()));
    for (const name of this.#namespaces) ip(`netns del ${name}`);
  }
}

function inside(namespace: string, commands: readonly string[]): void {
  execFileSync("ip", ["-n", namespace, "-batch", "-"], { input: commands.join("\n"), stdio: "pipe" });
}

function ip(command: string): void {
  execFileSync("ip", command.split(" "), { stdio: "pipe" });
}
