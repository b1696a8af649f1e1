import type { Endpoint } from "./endpoint.ts";
import type { Address } from "#wire/address.ts";

/** What the firewall's rules are; `rules` as `nft -j list ruleset` prints them, not checked yet. */
export type FirewallDump =
  | { readonly readable: true; readonly rules: unknown; readonly legacy: boolean }
  | { readonly readable: false; readonly reason: string };

/** What an examination looks at beside the daemon's own parts. It changes nothing that lasts. */
export interface SystemProbe {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A setting of the kernel's below /proc/sys; undefined where there is no such, or it cannot be read. */
  setting(path: string): Promise<string | undefined>;
  /** `legacy`: iptables holds rules beside that nft does not show. */
  firewall(): Promise<FirewallDump>;
  /** Joins the group on the interface and leaves it. Is it in the kernel's lists meanwhile? Throws SystemError. */
  tryJoin(interfaceIndex: number, group: Address): boolean;
  /** Round trip of one ICMPv6 echo, ms; undefined: no answer in time. Throws SystemError. */
  echo(address: Address, timeoutMs: number): Promise<number | undefined>;
  /** Opens a TCP connection and closes it. How long that took, ms; undefined: it does not stand by then. */
  connects(to: Endpoint, timeoutMs: number): Promise<number | undefined>;
  /** The version of IGMP that the kernel speaks there: an older querier brings it down. */
  igmpVersion(interfaceIndex: number): number | undefined;
}
