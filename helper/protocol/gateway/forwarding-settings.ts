// What has to be set in the kernel so that it forwards for a gateway, and as little else as it lets us.
import type { GatewayPlan } from "#ports/gateway.ts";
import { family, type Family } from "#wire/address.ts";

/** A setting below /proc/sys. */
export interface Setting {
  readonly path: string;
  readonly value: number;
}

/** The settings that a gateway touches. */
export const SETTING_PATH =
  /^net\/(ipv4\/conf\/[^/\s]{1,15}\/forwarding|ipv6\/conf\/[^/\s]{1,15}\/(forwarding|force_forwarding|accept_ra))$/;

const FORWARD_ALL = "net/ipv6/conf/all/forwarding";
const FORWARD_ALL4 = "net/ipv4/conf/all/forwarding";

/**
 * In the order in which they are to be made. IPv4 has a switch for each interface; so has IPv6 since Linux 6.17. Before
 * that, there is one for the whole computer, which also turns it into a router that ignores other routers: unless
 * accept_ra is 2, it would lose its own way out. `interfaces`: all there are.
 */
export function forwardingSettings(
  plan: GatewayPlan,
  interfaces: readonly string[],
  read: (path: string) => number | undefined,
): Setting[] {
  const names = (of: 4 | 6): string[] => {
    const lans = plan.lans.filter(({ prefix }) => family(prefix.address) === of);
    const all = [...lans, ...(of === 6 ? plan.subnets : [])].map(({ interfaceName }) => interfaceName);
    return all.length > 0 ? [plan.tun, ...new Set(all)] : [];
  };
  const settings = names(4).map((name) => ({ path: `net/ipv4/conf/${name}/forwarding`, value: 1 }));
  const six = names(6);
  if (six.length === 0 || read(FORWARD_ALL) === 1) return settings;
  const forced = six.map((name) => `net/ipv6/conf/${name}/force_forwarding`);
  if (forced.every((path) => read(path) !== undefined))
    return [...settings, ...forced.map((path) => ({ path, value: 1 }))];
  const listening = interfaces
    .map((name) => `net/ipv6/conf/${name}/accept_ra`)
    .filter((path) => read(path) === 1)
    .map((path) => ({ path, value: 2 }));
  return [...settings, ...listening, { path: FORWARD_ALL, value: 1 }];
}

/** An interface that forwards for our sake alone: from there to the tunnel and nowhere else. */
export interface Guard {
  readonly family: Family;
  readonly interfaceName: string;
}

/**
 * A switch lets whatever comes in by an interface go on to every other one, which nobody asked for. Where the computer
 * forwarded before us, or does by now for somebody else, that is theirs to say. `switched`: the settings that we made.
 */
export function guards(
  plan: GatewayPlan,
  switched: readonly string[],
  interfaces: readonly string[],
  read: (path: string) => number | undefined,
): Guard[] {
  const others = interfaces.filter((name) => name !== plan.tun && name !== "lo");
  const by = (pattern: RegExp): string[] => {
    const names = new Set(switched.map((path) => pattern.exec(path)?.[1]));
    return others.filter((name) => names.has(name));
  };
  const all6 = switched.includes(FORWARD_ALL);
  const four = read(FORWARD_ALL4) === 1 ? [] : by(/^net\/ipv4\/conf\/([^/]+)\/forwarding$/);
  const six = all6
    ? others
    : read(FORWARD_ALL) === 1
      ? []
      : by(/^net\/ipv6\/conf\/([^/]+)\/force_forwarding$/);
  return [
    ...four.map((interfaceName): Guard => ({ family: 4, interfaceName })),
    ...six.map((interfaceName): Guard => ({ family: 6, interfaceName })),
  ];
}

/** Is a switch that was 0 before us no longer ours to put back, since somebody made the computer a router? */
export function isTaken(path: string, read: (path: string) => number | undefined): boolean {
  return path.startsWith("net/ipv4/") && read(FORWARD_ALL4) === 1;
}
