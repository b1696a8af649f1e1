// Changes to headers in place, and the checksums that follow from them.
import type { Arena } from "./arena.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "./ip-packet.ts";

const IPV6_HEADER = 40;

/** TTL or hop limit less one; IPv4's header checksum follows (RFC 1624 section 3, for m' = m - 0x0100). */
export function lowerTtl(arena: Arena, offset: number): void {
  const { u8, dv } = arena;
  if (u8[offset]! >>> 4 === 6) {
    u8[offset + 7] = u8[offset + 7]! - 1;
    return;
  }
  u8[offset + 8] = u8[offset + 8]! - 1;
  const sum = dv.getUint16(offset + 10) + 0x0100;
  dv.setUint16(offset + 10, sum >= 0xffff ? sum - 0xffff : sum);
}

/** Another TTL or hop limit; IPv4's header checksum follows (RFC 1624 section 3). */
export function setTtl(arena: Arena, offset: number, ttl: number): void {
  const { u8, dv } = arena;
  if (u8[offset]! >>> 4 === 6) {
    u8[offset + 7] = ttl;
    return;
  }
  const before = dv.getUint16(offset + 8);
  u8[offset + 8] = ttl;
  let sum = (~dv.getUint16(offset + 10) & 0xffff) + (~before & 0xffff) + dv.getUint16(offset + 8);
  sum = (sum & 0xffff) + (sum >>> 16);
  dv.setUint16(offset + 10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
}

const ECT_0 = 2;
const CE = 3;

/**
 * The congestion mark that the packet got on its way through a tunnel (RFC 6040 section 4.2; RFC 9601 wants it of AMT).
 * `outer`: the traffic class of the tunnel's packet. False: marked, and its sender knows no marks: it is to be dropped.
 */
export function copyMark(arena: Arena, offset: number, outer: number): boolean {
  const { u8, dv } = arena;
  const outside = outer & CE;
  if (outside === 0 || outside === ECT_0) return true;
  const isV6 = u8[offset]! >>> 4 === 6;
  const shift = isV6 ? 4 : 0;
  const inside = (u8[offset + 1]! >>> shift) & CE;
  if (inside === 0) return outside !== CE;
  const mark = outside === CE ? CE : inside === ECT_0 ? outside : inside;
  if (mark === inside) return true;
  const before = dv.getUint16(offset);
  u8[offset + 1] = (u8[offset + 1]! & ~(CE << shift)) | (mark << shift);
  if (!isV6) {
    // RFC 1624 section 3.
    let sum = (~dv.getUint16(offset + 10) & 0xffff) + (~before & 0xffff) + dv.getUint16(offset);
    sum = (sum & 0xffff) + (sum >>> 16);
    dv.setUint16(offset + 10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  }
  return true;
}

/** The one's complement sum of `length` bytes, folded to 16 bits, not complemented. `initial` below 2^32. */
export function sumBytes(arena: Arena, offset: number, length: number, initial: number): number {
  const { dv, u8 } = arena;
  let sum = initial;
  let at = offset;
  const end4 = offset + (length & ~3);
  for (; at < end4; at += 4) sum += dv.getUint32(at); // exact: doubles hold 2^21 such words
  if (length & 2) {
    sum += dv.getUint16(at);
    at += 2;
  }
  if (length & 1) sum += u8[at]! << 8;
  while (sum > 0xffff) sum = Math.floor(sum / 0x10000) + (sum % 0x10000);
  return sum;
}

/** Does the IPv4 header's checksum hold? */
export function headerChecksumHolds(arena: Arena, offset: number, headerLength: number): boolean {
  return sumBytes(arena, offset, headerLength, 0) === 0xffff;
}

export function writeHeaderChecksum(arena: Arena, offset: number, headerLength: number): void {
  arena.dv.setUint16(offset + 10, 0);
  arena.dv.setUint16(offset + 10, ~sumBytes(arena, offset, headerLength, 0) & 0xffff);
}

/** The pseudo header's sum (RFC 768, RFC 8200 section 8.1) for a transport part of `length` bytes. */
export function pseudoHeaderSum(arena: Arena, offset: number, protocol: number, length: number): number {
  const v6 = arena.u8[offset]! >>> 4 === 6;
  return v6
    ? sumBytes(arena, offset + 8, 32, protocol + length)
    : sumBytes(arena, offset + 12, 8, protocol + length);
}

/**
 * Where in the packet the transport checksum stands, if its header is directly behind an IP header of
 * `headerLength` bytes and whole; -1 where a checksum cannot be partial.
 */
export function transportChecksumOffset(protocol: number, headerLength: number, totalLength: number): number {
  if (protocol === PROTOCOL_UDP && totalLength >= headerLength + 8) return headerLength + 6;
  if (protocol === PROTOCOL_TCP && totalLength >= headerLength + 20) return headerLength + 16;
  return -1;
}

/** Completes a partial checksum: the field holds the pseudo header's sum, so it is summed with the rest. */
export function completeChecksum(
  arena: Arena,
  offset: number,
  headerLength: number,
  totalLength: number,
  checksumOffset: number,
): void {
  const sum = ~sumBytes(arena, offset + headerLength, totalLength - headerLength, 0) & 0xffff;
  // RFC 768: zero would mean "no checksum".
  arena.dv.setUint16(offset + checksumOffset, sum === 0 ? 0xffff : sum);
}

export function ipHeaderLength(arena: Arena, offset: number): number {
  const first = arena.u8[offset]!;
  return first >>> 4 === 6 ? IPV6_HEADER : (first & 15) << 2;
}

export function ipProtocol(arena: Arena, offset: number): number {
  return arena.u8[offset + (arena.u8[offset]! >>> 4 === 6 ? 6 : 9)]!;
}
