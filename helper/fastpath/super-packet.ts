// The headers of a UDP super-packet, as the kernel wants them: virtio header with the size of a segment, lengths of
// the whole, and the pseudo header's sum in the checksum field.
import {
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_UDP_L4,
  VIRTIO_NET_HEADER_LENGTH,
} from "#edge/linux/constants.ts";
import { FLAG_CHECKSUM_PARTIAL } from "#wire/frame.ts";
import type { Arena } from "./arena.ts";
import { writePlainVirtioHeader } from "./batch.ts";
import {
  ipHeaderLength,
  ipProtocol,
  pseudoHeaderSum,
  transportChecksumOffset,
  writeHeaderChecksum,
} from "./header-edits.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "./ip-packet.ts";

const UDP_CHECKSUM = 6;
const TCP_CHECKSUM = 16;

/**
 * Turns the headers of a group's first packet into those of the whole (`total` bytes of IP). `segment` is the
 * payload of each datagram but the last; `link` the bytes of a link header between the virtio header (written at
 * `offset - link - 10`) and the packet.
 */
export function writeSuperHeaders(
  arena: Arena,
  offset: number,
  total: number,
  segment: number,
  link: number,
): void {
  const { dv } = arena;
  const ip = ipHeaderLength(arena, offset);
  const udpLength = total - ip;
  if (ip === 20) {
    dv.setUint16(offset + 2, total);
    writeHeaderChecksum(arena, offset, ip);
  } else dv.setUint16(offset + 4, udpLength);
  dv.setUint16(offset + ip + 4, udpLength);
  dv.setUint16(offset + ip + UDP_CHECKSUM, pseudoHeaderSum(arena, offset, PROTOCOL_UDP, udpLength));
  const at = offset - link - VIRTIO_NET_HEADER_LENGTH;
  dv.setUint16(at, VIRTIO_NET_HDR_F_NEEDS_CSUM | (VIRTIO_NET_HDR_GSO_UDP_L4 << 8), true);
  dv.setUint16(at + 2, link + ip + 8, true);
  dv.setUint16(at + 4, segment, true);
  dv.setUint16(at + 6, link + ip, true);
  dv.setUint16(at + 8, UDP_CHECKSUM, true);
}

/** The virtio header of a single packet. False where its flags claim a partial checksum that it cannot have. */
export function writeSingleHeader(
  arena: Arena,
  offset: number,
  length: number,
  flags: number,
  link: number,
): boolean {
  const at = offset - link - VIRTIO_NET_HEADER_LENGTH;
  writePlainVirtioHeader(arena, at);
  if ((flags & FLAG_CHECKSUM_PARTIAL) === 0) return true;
  const { dv } = arena;
  const ip = ipHeaderLength(arena, offset);
  const protocol = ipProtocol(arena, offset);
  if (transportChecksumOffset(protocol, ip, length) < 0) return false;
  dv.setUint16(at, VIRTIO_NET_HDR_F_NEEDS_CSUM, true);
  dv.setUint16(at + 6, link + ip, true);
  dv.setUint16(at + 8, protocol === PROTOCOL_TCP ? TCP_CHECKSUM : UDP_CHECKSUM, true);
  return true;
}
