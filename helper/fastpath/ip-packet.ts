// The header fields that forwarding needs, read in place. One object is reused for all packets.
import { IPV4_MAPPED } from "#protocol/forwarding/address-words.ts";
import type { Arena } from "./arena.ts";

export const KEY_GROUP = 0; // words 0..3: the destination
export const KEY_SOURCE = 4; // words 4..7

export const PROTOCOL_HOP_BY_HOP = 0;
export const PROTOCOL_IGMP = 2;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_FRAGMENT = 44;
export const PROTOCOL_ICMPV6 = 58;
const PROTOCOL_OSPF = 89;
const PROTOCOL_VRRP = 112;
const IPV6_HEADER = 40;
// RFC 4861 section 4: router solicitation to redirect. RFC 2710, 9777: MLD.
const ICMPV6_ND_FIRST = 133;
const ICMPV6_ND_LAST = 137;
const MLD_FIRST = 130;
const MLD_LAST = 132;
const MLD_V2_REPORT = 143;

export class IpPacket {
  version = 0;
  headerLength = 0; // without IPv6 extension headers
  totalLength = 0;
  protocol = 0; // IPv6: the first next header
  ttl = 0;
  multicast = false;
  fragmented = false; // IPv4 alone; an IPv6 fragment shows in `protocol`
  /** Destination and source as words of the compiled table. */
  readonly key = new Uint32Array(8);

  /** False where it is no IP packet, or is longer than what is there. */
  parse(arena: Arena, offset: number, available: number): boolean {
    const { u8, dv, key } = { u8: arena.u8, dv: arena.dv, key: this.key };
    if (available < 20) return false;
    const first = u8[offset]!;
    if (first >>> 4 === 4) {
      const headerLength = (first & 15) << 2;
      const totalLength = dv.getUint16(offset + 2);
      if (headerLength < 20 || totalLength < headerLength || totalLength > available) return false;
      const destination = dv.getUint32(offset + 16);
      this.version = 4;
      this.headerLength = headerLength;
      this.totalLength = totalLength;
      this.ttl = u8[offset + 8]!;
      this.protocol = u8[offset + 9]!;
      this.fragmented = (dv.getUint16(offset + 6) & 0x3fff) !== 0; // more fragments, or an offset
      this.multicast = destination >>> 28 === 0xe;
      key[0] = 0;
      key[1] = 0;
      key[2] = IPV4_MAPPED;
      key[3] = destination;
      key[4] = 0;
      key[5] = 0;
      key[6] = IPV4_MAPPED;
      key[7] = dv.getUint32(offset + 12);
      return true;
    }
    if (first >>> 4 !== 6 || available < IPV6_HEADER) return false;
    const totalLength = IPV6_HEADER + dv.getUint16(offset + 4);
    if (totalLength > available) return false;
    this.version = 6;
    this.headerLength = IPV6_HEADER;
    this.totalLength = totalLength;
    this.protocol = u8[offset + 6]!;
    this.ttl = u8[offset + 7]!;
    this.fragmented = false;
    this.multicast = u8[offset + 24] === 0xff;
    key[0] = dv.getUint32(offset + 24);
    key[1] = dv.getUint32(offset + 28);
    key[2] = dv.getUint32(offset + 32);
    key[3] = dv.getUint32(offset + 36);
    key[4] = dv.getUint32(offset + 8);
    key[5] = dv.getUint32(offset + 12);
    key[6] = dv.getUint32(offset + 16);
    key[7] = dv.getUint32(offset + 20);
    // A mapped address inside IPv6 would stand for an IPv4 flow (RFC 4291 section 2.5.5.2: never on the wire).
    return !(key[4] === 0 && key[5] === 0 && key[6] === IPV4_MAPPED);
  }

  /** IGMP or MLD, which end at the vif. To be asked after parse(), of the same packet. */
  isMembership(arena: Arena, offset: number): boolean {
    if (this.version === 4) return this.protocol === PROTOCOL_IGMP;
    const type = this.icmpv6Type(arena, offset);
    return (type >= MLD_FIRST && type <= MLD_LAST) || type === MLD_V2_REPORT;
  }

  /** Neighbour discovery, OSPF and VRRP stay on their link whatever their destination. */
  isLinkProtocol(arena: Arena, offset: number): boolean {
    if (this.protocol === PROTOCOL_OSPF || this.protocol === PROTOCOL_VRRP) return true;
    const type = this.version === 6 ? this.icmpv6Type(arena, offset) : -1;
    return type >= ICMPV6_ND_FIRST && type <= ICMPV6_ND_LAST;
  }

  /** -1 where the packet is no ICMPv6, directly or behind a hop-by-hop header. */
  icmpv6Type(arena: Arena, offset: number): number {
    const { u8 } = arena;
    if (this.protocol === PROTOCOL_ICMPV6)
      return this.totalLength > IPV6_HEADER ? u8[offset + IPV6_HEADER]! : -1;
    if (this.protocol !== PROTOCOL_HOP_BY_HOP || this.totalLength < IPV6_HEADER + 8) return -1;
    if (u8[offset + IPV6_HEADER] !== PROTOCOL_ICMPV6) return -1;
    const at = IPV6_HEADER + ((u8[offset + IPV6_HEADER + 1]! + 1) << 3);
    return at < this.totalLength ? u8[offset + at]! : -1;
  }
}
