// IPv4 fragmentation (RFC 791 section 3.2) of packets that are too big for a LAN.
import type { Arena } from "./arena.ts";
import { FLAG_CHECKSUM_PARTIAL, FLAG_CHECKSUM_VERIFIED } from "#wire/frame.ts";
import type { Batch } from "./batch.ts";
import {
  completeChecksum,
  ipHeaderLength,
  ipProtocol,
  transportChecksumOffset,
  writeHeaderChecksum,
} from "./header-edits.ts";

const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const OFFSET_MASK = 0x1fff;

export type EmitFragment = (header: number, headerLength: number, piece: number, length: number) => void;

export function mayFragment(arena: Arena, offset: number): boolean {
  return arena.u8[offset]! >>> 4 === 4 && (arena.dv.getUint16(offset + 6) & DONT_FRAGMENT) === 0;
}

/**
 * Calls `emit` for each fragment: its header, made in the last 64 of `stride` bytes of scratch, and its piece, which
 * stays in place. Don't-fragment is for the caller to look at; options are copied to all fragments. Returns the
 * scratch used, in bytes; what does not fit in it is left out. A partial checksum must be completed before.
 */
export function fragmentIpv4(
  arena: Arena,
  offset: number,
  length: number,
  mtu: number,
  scratch: number,
  scratchLength: number,
  stride: number,
  emit: EmitFragment,
): number {
  const { u8, dv } = arena;
  const headerLength = (u8[offset]! & 15) << 2;
  const field = dv.getUint16(offset + 6);
  const most = (mtu - headerLength) & ~7;
  let used = 0;
  for (let done = 0; done < length - headerLength; done += most) {
    if (used + stride > scratchLength) return used;
    const size = Math.min(most, length - headerLength - done);
    const header = scratch + used + stride - 64;
    used += stride;
    u8.copyWithin(header, offset, offset + headerLength);
    const last = done + size === length - headerLength;
    dv.setUint16(header + 2, headerLength + size);
    const more = last ? field & MORE_FRAGMENTS : MORE_FRAGMENTS;
    dv.setUint16(header + 6, more | (((field & OFFSET_MASK) + (done >>> 3)) & OFFSET_MASK));
    writeHeaderChecksum(arena, header, headerLength);
    emit(header, headerLength, offset + headerLength + done, size);
  }
  return used;
}

/**
 * Completes a partial checksum in place, of the packet at place `i`: all exits after this one get it complete. False
 * where the packet cannot have one.
 */
export function completePartial(arena: Arena, batch: Batch, i: number): boolean {
  if ((batch.flags[i]! & FLAG_CHECKSUM_PARTIAL) === 0) return true;
  const offset = batch.offset[i]!;
  const length = batch.length[i]!;
  const headerLength = ipHeaderLength(arena, offset);
  const at = transportChecksumOffset(ipProtocol(arena, offset), headerLength, length);
  if (at < 0) return false;
  completeChecksum(arena, offset, headerLength, length, at);
  batch.flags[i] = FLAG_CHECKSUM_VERIFIED;
  return true;
}
