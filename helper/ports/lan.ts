import type { Address } from "#wire/address.ts";

export interface SourceGroup {
  readonly source: Address;
  readonly group: Address;
}

/** Each costs all other packets a comparison. */
export const MAX_LEFT_TO_KERNEL = 64;

/** What the fast path needs of a LAN interface: the shape of its "lan" device. */
export interface Lan {
  /** Non-blocking AF_PACKET SOCK_RAW: a 10-byte virtio header, then an Ethernet frame, both ways. */
  readonly fd: number;
  /**
   * Raw IPv4 socket with IP_HDRINCL. A packet to a group with TTL 0 reaches this computer's sockets that joined
   * the group on this interface, and not the wire, provided that the message carries IP_PKTINFO with ipi_spec_dst =
   * the packet's source: the kernel looks for a member that wants this source, and sends the packet out of the
   * interface where it finds none. At most `mtu` bytes a packet (a larger one as IP fragments).
   */
  readonly loop4: number;
  /** Raw IPv6 socket with IPV6_HDRINCL: the same with hop limit 0; needs no ancillary data. */
  readonly loop6: number;
  readonly interfaceIndex: number;
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** full: the wire too. local: this computer's own programs alone. */
  readonly mode: "full" | "local";
  /** From now on `fd` receives nothing of these streams, in or out, but IGMP. MAX_LEFT_TO_KERNEL at most. */
  leaveToKernel(streams: readonly SourceGroup[]): void;
  close(): void;
}
