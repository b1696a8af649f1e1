import type { Address } from "#wire/address.ts";

/**
 * The source port of every datagram that a socket vif sends. Such a datagram lost its source on the way; that it has
 * been through a tunnel once is told by this port. No socket vif takes it in or sends it on, so two of them on a link
 * (or of two members' computers) make no loop.
 */
export const RESENT_PORT = 42269;

/** One group and port that a socket vif carries. */
export interface GroupPort {
  readonly group: Address;
  readonly port: number;
  /** Source-specific: take what comes from these alone. Without it: any source. */
  readonly sources?: readonly Address[];
}

export interface GroupDatagram {
  readonly group: Address;
  readonly port: number;
  readonly source: Address;
  readonly sourcePort: number;
  readonly payload: Uint8Array;
}

/** Multicast by plain sockets: no privileges, any system, but no foreign source addresses, and no TTL received. */
export interface GroupSocket {
  /** `ttl`: TTL or hop limit, 0..255. Resolves when the system has taken the datagram. */
  send(group: Address, port: number, ttl: number, payload: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Where a group socket joins and sends; without an address of a family, the system chooses. */
export interface GroupInterface {
  readonly name?: string;
  /** Own IPv4 address of the interface. */
  readonly interface4?: Address;
  /** The same for IPv6, as "::%eth0" (on Windows "::%3"). */
  readonly interface6?: string;
}
