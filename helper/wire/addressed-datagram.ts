// UDP datagrams with their IP headers: what a plain socket gives and takes, as the packets that routers know.
import { family, type Address } from "#wire/address.ts";
import { DecodeError } from "#wire/cursor.ts";
import { IpProtocol } from "#wire/ip-protocol.ts";
import { decodeIpv4, encodeIpv4 } from "#wire/ipv4.ts";
import { decodeIpv6, encodeIpv6, type Ipv6Header } from "#wire/ipv6.ts";
import { encodeUdp, type UdpDatagram } from "#wire/udp.ts";

export interface AddressedDatagram extends UdpDatagram {
  readonly source: Address;
  readonly destination: Address;
  /** TTL or hop limit. */
  readonly ttl: number;
}

/** What an IP packet carries: all of what was sent, or a fragment. */
export interface IpPart {
  readonly source: Address;
  readonly destination: Address;
  readonly ttl: number;
  readonly protocol: number;
  /** What fragments of one packet share. */
  readonly identification: number;
  readonly offset: number; // bytes
  readonly more: boolean;
  /** A view of the input. */
  readonly payload: Uint8Array;
}

/** An IPv6 packet longer than this is sent in fragments: no router on the way can make them (RFC 8200 section 5). */
const LONGEST_WHOLE_6 = 1500;
/** What every IPv6 link carries. */
const MINIMUM_MTU_6 = 1280;
const HEADER_6 = 40;
const FRAGMENT_HEADER = 8;
const PIECE_6 = MINIMUM_MTU_6 - HEADER_6 - FRAGMENT_HEADER; // a multiple of 8

/**
 * One packet, which routers may cut up, over IPv4; over IPv6 as many as fit the links. `identification`: another one
 * for each datagram between the same addresses. Throws EncodeError where the payload does not fit.
 */
export function encodeAddressed(datagram: AddressedDatagram, identification: number): Uint8Array[] {
  const { source, destination, ttl } = datagram;
  const body = encodeUdp(datagram, source, destination);
  if (family(destination) === 4)
    return [
      encodeIpv4(
        {
          trafficClass: 0,
          identification: identification & 0xffff,
          dontFragment: false,
          moreFragments: false,
          fragmentOffset: 0,
          ttl,
          protocol: IpProtocol.UDP,
          source,
          destination,
          options: [],
        },
        body,
      ),
    ];
  const header: Ipv6Header = {
    trafficClass: 0,
    flowLabel: 0,
    hopLimit: ttl,
    source,
    destination,
    extensions: [],
    protocol: IpProtocol.UDP,
  };
  if (HEADER_6 + body.length <= LONGEST_WHOLE_6) return [encodeIpv6(header, body)];
  const packets: Uint8Array[] = [];
  for (let offset = 0; offset < body.length; offset += PIECE_6) {
    const more = offset + PIECE_6 < body.length;
    const fragment = { kind: "fragment", offset, more, identification: identification >>> 0 } as const;
    packets.push(encodeIpv6({ ...header, extensions: [fragment] }, body.subarray(offset, offset + PIECE_6)));
  }
  return packets;
}

/** Throws DecodeError. */
export function decodeIpPart(packet: Uint8Array): IpPart {
  if (packet[0]! >>> 4 === 4) {
    const { header, payload } = decodeIpv4(packet);
    const { source, destination, ttl, protocol, identification } = header;
    const { fragmentOffset: offset, moreFragments: more } = header;
    return { source, destination, ttl, protocol, identification, offset, more, payload };
  }
  const { header, payload } = decodeIpv6(packet);
  const { source, destination, hopLimit: ttl, protocol, extensions } = header;
  const at = extensions.findIndex((extension) => extension.kind === "fragment");
  const fragment = extensions[at];
  // Headers behind the fragment header are in the first fragment alone: its payload would not start at 0.
  if (at >= 0 && at < extensions.length - 1)
    throw new DecodeError("IPv6 headers behind the fragment header", extensions.length - 1 - at, 0);
  const { identification, offset, more } =
    fragment?.kind === "fragment" ? fragment : { identification: 0, offset: 0, more: false };
  return { source, destination, ttl, protocol, identification, offset, more, payload };
}
