// What has to be set in the kernel so that it forwards for a gateway, and as little else as it lets us.
import type { GatewayPlan } from "#ports/gateway.ts";
import { family } from "#wire/address.ts";

/** A setting below /proc/sys. */
export interface Setting {
  readonly path: string;
  readonly value: number;
}

/** The settings that a gateway touches. */
export const SETTING_PATH =
  /^net\/(ipv4\/conf\/[^/\s]{1,15}\/forwarding|ipv6\/conf\/[^/\s]{1,15}\/(forwarding|force_forwarding|accept_ra))$/;

const FORWARD_ALL = "net/ipv6/conf/all/forwarding";

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
