import { addressBytes } from "#wire/address.ts";
import { decodeIpPart, encodeAddressed } from "#wire/addressed-datagram.ts";
import { internetChecksum, pseudoHeaderSum } from "#wire/checksum.ts";
import { DecodeError } from "#wire/cursor.ts";
import { decodeEthernet, encodeEthernet } from "#wire/ethernet.ts";
import { decodeIcmpv6, encodeIcmpv6 } from "#wire/icmpv6.ts";
import { decodeIgmp, encodeIgmp } from "#wire/igmp.ts";
import { decodeIpv4, encodeIpv4 } from "#wire/ipv4.ts";
import type { Ipv6Extension } from "#wire/ipv6-extension.ts";
import { decodeIpv6, encodeIpv6 } from "#wire/ipv6.ts";
import { decodeMembershipPacket, encodeMembershipPacket } from "#wire/membership-packet.ts";
import { decodeMld, encodeMld } from "#wire/mld.ts";
import { decodeUdp, encodeUdp } from "#wire/udp.ts";
import { KERNEL_VECTORS } from "./membership-vectors.ts";
import { parser, type ParserTarget } from "#test/support/fuzz/parsers.ts";
import { fromHex } from "./round-trip.ts";

const [A4, B4, A6, B6] = ["10.0.0.1", "239.1.2.3", "fe80::1", "ff1e::1"];

const PACKETS = KERNEL_VECTORS.map(({ hex }) => fromHex(hex));
const PACKETS_4 = PACKETS.filter((packet) => packet[0]! >> 4 === 4);
const PACKETS_6 = PACKETS.filter((packet) => packet[0]! >> 4 === 6);

const EXTENSIONS: readonly Ipv6Extension[] = [
  { kind: "hop-by-hop", options: [{ type: 5, data: Uint8Array.of(0, 0) }] },
  { kind: "destination", options: [{ type: 0x1e, data: new Uint8Array(9) }] },
  { kind: "routing", routingType: 0, segmentsLeft: 1, data: new Uint8Array(20) },
  { kind: "fragment", offset: 0, more: true, identification: 7 },
];
const CHAINS = [EXTENSIONS, EXTENSIONS.slice(1), EXTENSIONS.slice(3)].map((extensions) =>
  encodeIpv6({ ...decodeIpv6(PACKETS_6[0]!).header, extensions }, new Uint8Array(64)),
);

const UDP_4 = encodeUdp({ sourcePort: 1, destinationPort: 2, payload: new Uint8Array(20) }, A4, B4);
const UDP_6 = encodeUdp({ sourcePort: 1, destinationPort: 2, payload: new Uint8Array(20) }, A6, B6);
const DATAGRAMS = [A4, A6].flatMap((source) =>
  [20, 1300, 4000].flatMap((size) =>
    encodeAddressed(
      {
        source,
        destination: source === A4 ? B4 : B6,
        sourcePort: 1,
        destinationPort: 2,
        ttl: 16,
        payload: new Uint8Array(size),
      },
      7,
    ),
  ),
);

const ICMPV6 = PACKETS_6.map((packet) => {
  const { header, payload } = decodeIpv6(packet);
  return encodeIcmpv6(decodeIcmpv6(payload, header.source, header.destination), A6, B6);
});
const FRAMES = PACKETS.flatMap((payload, i) => {
  const frame = { destination: new Uint8Array(6), source: new Uint8Array(6), etherType: 0x0800, payload };
  const vlan = { id: i, priority: 1, dropEligible: false };
  return [encodeEthernet({ ...frame, vlan: undefined }), encodeEthernet({ ...frame, vlan })];
});

export const IP_TARGETS: readonly ParserTarget[] = [
  parser({
    name: "ethernet",
    refuses: DecodeError,
    corpus: FRAMES,
    decode: decodeEthernet,
    again: (frame) => decodeEthernet(encodeEthernet(frame)),
  }),
  parser({
    name: "ipv4",
    refuses: DecodeError,
    corpus: PACKETS_4,
    repair: repairIpv4,
    decode: decodeIpv4,
    again: ({ header, payload }) => decodeIpv4(encodeIpv4(header, payload)),
  }),
  parser({
    name: "ipv6",
    refuses: DecodeError,
    corpus: [...PACKETS_6, ...CHAINS],
    decode: decodeIpv6,
    again: ({ header, payload }) => decodeIpv6(encodeIpv6(header, payload)),
  }),
  parser({
    name: "a part of an IP packet",
    refuses: DecodeError,
    corpus: DATAGRAMS,
    repair: repairIpv4,
    decode: decodeIpPart,
  }),
  parser({
    name: "udp over IPv4",
    refuses: DecodeError,
    corpus: [UDP_4],
    repair: (bytes) => repairSum(bytes, 6, A4, B4, 17),
    decode: (bytes) => decodeUdp(bytes, A4, B4),
    again: (datagram) => decodeUdp(encodeUdp(datagram, A4, B4), A4, B4),
  }),
  parser({
    name: "udp over IPv6",
    refuses: DecodeError,
    corpus: [UDP_6],
    repair: (bytes) => repairSum(bytes, 6, A6, B6, 17),
    decode: (bytes) => decodeUdp(bytes, A6, B6),
    again: (datagram) => decodeUdp(encodeUdp(datagram, A6, B6), A6, B6),
  }),
  parser({
    name: "icmpv6 and mld",
    refuses: DecodeError,
    corpus: ICMPV6,
    repair: (bytes) => repairSum(bytes, 2, A6, B6, 58),
    decode: (bytes) => decodeMld(decodeIcmpv6(bytes, A6, B6)),
    again: (message) => decodeMld(decodeIcmpv6(encodeIcmpv6(encodeMld(message), A6, B6), A6, B6)),
  }),
  parser({
    name: "igmp",
    refuses: DecodeError,
    corpus: PACKETS_4.map((packet) => decodeIpv4(packet).payload),
    repair: (bytes) => repairSum(bytes, 2),
    decode: decodeIgmp,
    again: (message) => decodeIgmp(encodeIgmp(message)),
  }),
  parser({
    name: "membership packet",
    refuses: undefined, // at the network's boundary a refusal is a value
    corpus: PACKETS,
    repair: repairPacket,
    decode: (bytes) => {
      const result = decodeMembershipPacket(bytes);
      return "refused" in result ? undefined : { ...result, hopLimit: 1, routerAlert: true };
    },
    again: ({ message, source, destination }) => {
      const result = decodeMembershipPacket(encodeMembershipPacket(message, source, destination));
      return "refused" in result ? undefined : result;
    },
  }),
];

function repairSum(bytes: Uint8Array, at: number, source?: string, destination?: string, protocol = 0): void {
  if (bytes.length < at + 2) return;
  bytes.set([0, 0], at);
  const pseudo =
    source && destination
      ? pseudoHeaderSum(addressBytes(source), addressBytes(destination), protocol, bytes.length)
      : 0;
  const checksum = internetChecksum(bytes, pseudo);
  bytes.set([checksum >> 8, checksum & 0xff], at);
}

function repairIpv4(bytes: Uint8Array): void {
  const length = ((bytes[0] ?? 0) & 0x0f) * 4;
  if (length >= 20) repairSum(bytes.subarray(0, length), 10);
}

/** Checksums of a packet of IGMP or MLD. */
export function repairPacket(bytes: Uint8Array): void {
  try {
    if ((bytes[0] ?? 0) >> 4 === 4) {
      repairIpv4(bytes);
      repairSum(decodeIpv4(bytes).payload, 2);
    } else {
      const { header, payload } = decodeIpv6(bytes);
      repairSum(payload, 2, header.source, header.destination, 58);
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error; // what cannot be read cannot be repaired
  }
}
