import type { Prefix } from "#wire/address.ts";

/** A LAN that members may reach. */
export interface GatewayLan {
  readonly interfaceName: string;
  readonly prefix: Prefix;
  /** The same addresses under another prefix, translated here. */
  readonly mapped: Prefix | undefined;
}

/** A LAN whose hosts have addresses of our own /64 in a network. */
export interface GatewaySubnet {
  readonly interfaceName: string;
  readonly subnet: Prefix;
  /** Where its hosts may go through the tunnel. */
  readonly reach: readonly Prefix[];
}

/** What this computer's kernel forwards between the TUN and its LANs. Nothing else passes from or to the TUN. */
export interface GatewayPlan {
  readonly tun: string;
  /** Who may use the LANs: the members' prefixes of the hosted network. */
  readonly members: readonly Prefix[];
  readonly lans: readonly GatewayLan[];
  readonly subnets: readonly GatewaySubnet[];
}

/** The packet filter and the forwarding switches of the kernel. */
export interface KernelGateway {
  /** Of this network namespace, since the computer started: settings of another one mean nothing here. */
  readonly instance: string;
  /** Gives a script to nftables: all of it takes effect, or nothing. Rejects with GatewayError. */
  load(script: string): Promise<void>;
  /** A number below /proc/sys, by its path there; undefined where this kernel has no such setting. */
  read(path: string): number | undefined;
  /** Throws GatewayError. */
  write(path: string, value: number): void;
  /** Hosts of the prefix are on the link of the interface. Throws GatewayError. */
  addRoute(prefix: Prefix, interfaceName: string): void;
  /** Nothing where it is not there. */
  removeRoute(prefix: Prefix, interfaceName: string): void;
}

/** The kernel cannot be made to forward. `remedy` is for people. */
export class GatewayError extends Error {
  override name = "GatewayError";
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}
