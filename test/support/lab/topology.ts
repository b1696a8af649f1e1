// Who is where, and with which addresses: plain data, from which lab.ts lays the cables.

export interface HostPlan {
  readonly name: string;
  readonly interfaceName: string;
  /** Last part of the addresses on the site's LAN. */
  readonly number: number;
}

export interface SitePlan {
  /** Also the name of the internet's interface towards the site. */
  readonly name: string;
  readonly router: string;
  readonly lan4: string; // first three parts of a /24
  readonly lan6: string; // a /64 without its last part; routed, because IPv6 has no NAT
  /** The /30 between internet (.first + 1) and router (.first + 2). */
  readonly uplink4: { readonly net: string; readonly first: number };
  readonly uplink6: string;
  readonly hosts: readonly HostPlan[];
}

export interface LabOptions {
  /** Away networks, each behind its own NAT: away, away2, ... Default 1. */
  readonly away?: number;
  /** A second machine on the home LAN, for one LAN with two members. */
  readonly home2?: boolean;
  /** A neighbour on each away LAN: neighbour, neighbour2, ... */
  readonly neighbours?: boolean;
  /** The home bridge's IGMP and MLD snooping and querier. Default on. */
  readonly snooping?: boolean;
  readonly querier?: boolean;
  /** Reverse path filter on hosts: 2 as distributions have it, or 1. */
  readonly rpFilter?: 0 | 1 | 2;
  /** UDP port of the home router that leads to the home machine; false for none. Default false. */
  readonly portForward?: number | false;
  /**
   * veth passes super-packets whole, which flatters segmentation offload and makes one drop a burst. false
   * (default): every packet on a wire fits its MTU.
   */
  readonly superPackets?: boolean;
  /** First three parts of the home's address on the internet; 203.0.113 otherwise. */
  readonly homeUplink?: string;
  /** The first away network has the home's IPv4 addresses, as many hotels do. */
  readonly sameSubnet?: boolean;
  /** A wire that loses, doubles, delays and reorders, between the first away router and the internet. */
  readonly badWire?: boolean;
}

export const HOME = "home";
export const INTERNET = "internet";
export const HOME_UPLINK = "203.0.113";

export function planSites(options: LabOptions): SitePlan[] {
  const home: SitePlan = {
    name: HOME,
    router: "home-router",
    lan4: "192.168.1",
    lan6: "2001:db8:1:1:",
    uplink4: { net: options.homeUplink ?? HOME_UPLINK, first: 0 },
    uplink6: "2001:db8:0:1:",
    hosts: [
      { name: "home", interfaceName: "lan", number: 10 },
      ...(options.home2 ? [{ name: "home2", interfaceName: "lan", number: 11 }] : []),
      { name: "source", interfaceName: "lan", number: 20 },
      { name: "listener", interfaceName: "lan", number: 30 },
    ],
  };
  return [home, ...Array.from({ length: options.away ?? 1 }, (_, index) => planAway(index, options))];
}

function planAway(index: number, options: LabOptions): SitePlan {
  const suffix = index === 0 ? "" : String(index + 1);
  return {
    name: `away${suffix}`,
    router: `away${suffix}-router`,
    lan4: index === 0 && options.sameSubnet ? "192.168.1" : `10.${index + 1}.0`,
    lan6: `2001:db8:1:${index + 2}:`,
    uplink4: { net: "198.51.100", first: 4 * index },
    uplink6: `2001:db8:0:${index + 2}:`,
    hosts: [
      { name: `away${suffix}`, interfaceName: "wan", number: 10 },
      ...(options.neighbours ? [{ name: `neighbour${suffix}`, interfaceName: "lan", number: 20 }] : []),
    ],
  };
}

export function hostAddresses(site: SitePlan, number: number): { address4: string; address6: string } {
  return { address4: `${site.lan4}.${number}`, address6: `${site.lan6}:${number}` };
}

/** The router's own addresses on the internet. */
export function routerAddresses(site: SitePlan): { address4: string; address6: string } {
  return { address4: `${site.uplink4.net}.${site.uplink4.first + 2}`, address6: `${site.uplink6}:2` };
}
