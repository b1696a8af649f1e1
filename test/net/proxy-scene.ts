// A router with several LANs, a machine behind each: what multicast proxies and static routers are made for.
import { Machine } from "#test/support/machine.ts";
import { ip } from "./edge-namespaces.ts";

export const ROUTER = "router";

export interface RouterScene {
  readonly router: Machine;
  /** The machine behind an interface of the router's; its own interface is "lan". */
  behind(interfaceName: string): Machine;
  address(interfaceName: string, family: 4 | 6, end: "router" | "host"): string;
  /** Lays a further LAN while all runs. */
  add(interfaceName: string): void;
  dispose(): Promise<void>;
}

/**
 * The router's default route leaves by the first interface. `hosts4`: IPv4 addresses of machines that are to have these; the
 * router is at .1 of their networks. Throws with the command that failed.
 */
export function startRouterScene(
  tag: string,
  interfaces: readonly string[],
  hosts4: Readonly<Record<string, string>> = {},
): RouterScene {
  const namespace = (name: string): string => `cw-${tag}-${process.pid}-${name}`;
  const router = new Machine(ROUTER, ["ip", "netns", "exec", namespace("r")]);
  const hosts = new Map<string, Machine>();
  const numbers = new Map<string, number>();
  const address = (name: string, family: 4 | 6, end: "router" | "host"): string => {
    const number = numbers.get(name)!;
    const last = end === "router" ? 1 : 2;
    const own = hosts4[name];
    if (family === 4 && own !== undefined) return end === "host" ? own : own.replace(/\d+$/, "1");
    return family === 4 ? `10.1.${number}.${last}` : `2001:db8:1:${number}::${last}`;
  };

  const configure = (space: string, device: string, name: string, end: "router" | "host"): void => {
    ip("-n", space, "addr", "add", `${address(name, 4, end)}/24`, "dev", device);
    ip("-n", space, "addr", "add", `${address(name, 6, end)}/64`, "dev", device, "nodad");
    ip("-n", space, "link", "set", device, "up");
  };
  const add = (name: string): void => {
    numbers.set(name, numbers.size + 1);
    const [own, far] = [namespace("r"), namespace(name)];
    ip("netns", "add", far);
    hosts.set(name, new Machine(`behind ${name}`, ["ip", "netns", "exec", far]));
    ip("-n", far, "link", "set", "lo", "up");
    ip("-n", own, "link", "add", name, "type", "veth", "peer", "name", "lan", "netns", far);
    configure(own, name, name, "router");
    configure(far, "lan", name, "host");
    ip("-n", far, "route", "add", "default", "via", address(name, 4, "router"));
    ip("-n", far, "-6", "route", "add", "default", "via", address(name, 6, "router"));
  };

  ip("netns", "add", namespace("r"));
  ip("-n", namespace("r"), "link", "set", "lo", "up");
  for (const name of interfaces) add(name);
  ip("-n", namespace("r"), "route", "add", "default", "via", address(interfaces[0]!, 4, "host"));
  ip("-n", namespace("r"), "-6", "route", "add", "default", "via", address(interfaces[0]!, 6, "host"));
  return {
    router,
    behind: (name) => hosts.get(name)!,
    address,
    add,
    dispose: async () => {
      await Promise.all([router, ...hosts.values()].map((machine) => machine.stopAll()));
      for (const name of ["r", ...hosts.keys()]) ip("netns", "del", namespace(name));
    },
  };
}
