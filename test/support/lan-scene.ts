// Routers between LANs, in network namespaces: each LAN is a bridge in a namespace of its own.
import { execFileSync } from "node:child_process";
import { onProcessEnd } from "./lab/cleanup.ts";
import { namespaceName, removeNamespaces, sweepDeadRuns } from "./lab/namespaces.ts";
import { Machine } from "./machine.ts";

let scenes = 0;

export interface Place {
  readonly lan: string;
  readonly host: number;
}

/** Machines on LANs. A machine's interface is called as its LAN; LAN n is 10.77.n.0/24 and fd77:n::/64. */
export class LanScene {
  readonly machines: Readonly<Record<string, Machine>>;
  readonly #namespaces: readonly string[];
  readonly #wires: string;
  readonly #forget: () => void;

  /** `places`: by machine, the LANs that it is on, with the last part of its address. */
  constructor(lans: readonly string[], places: Readonly<Record<string, readonly Place[]>>) {
    sweepDeadRuns();
    const number = ++scenes;
    const nameOf = (machine: string): string => namespaceName(number, `lans-${machine}`);
    this.#wires = nameOf("wires");
    this.#namespaces = [this.#wires, ...Object.keys(places).map(nameOf)];
    this.machines = Object.fromEntries(
      Object.keys(places).map((name) => [name, new Machine(name, ["ip", "netns", "exec", nameOf(name)])]),
    );
    this.#forget = onProcessEnd(() => removeNamespaces(this.#namespaces));
    for (const name of this.#namespaces) execFileSync("ip", ["netns", "add", name]);
    for (const lan of lans)
      inside(this.#wires, [`link add ${lan} type bridge mcast_snooping 0`, `link set ${lan} up`]);
    for (const [machine, on] of Object.entries(places)) {
      const namespace = nameOf(machine);
      inside(namespace, ["link set lo up"]);
      for (const { lan, host } of on) {
        const net = lans.indexOf(lan) + 1;
        const port = `p${net}-${Object.keys(places).indexOf(machine)}`;
        inside(namespace, [
          `link add ${lan} type veth peer name ${port} netns ${this.#wires}`,
          `addr add 10.77.${net}.${host}/24 dev ${lan}`,
          `addr add fd77:${net}::${host}/64 dev ${lan} nodad`,
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
    removeNamespaces(this.#namespaces);
    this.#forget();
  }
}

function inside(namespace: string, commands: readonly string[]): void {
  execFileSync("ip", ["-n", namespace, "-batch", "-"], { input: commands.join("\n"), stdio: "pipe" });
}
