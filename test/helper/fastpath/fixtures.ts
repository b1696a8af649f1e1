// Packets in an arena without a kernel: plain memory, made-up addresses.
import { Arena } from "#fastpath/arena.ts";
import { sumBytes } from "#fastpath/header-edits.ts";
import { addressBytes } from "#wire/address.ts";
import { internetChecksum, onesComplementSum, pseudoHeaderSum } from "#wire/checksum.ts";

export function makeArena(bytes = 1 << 20): Arena {
  return new Arena({ address: 0x7f00_0000_1000n, buffer: new ArrayBuffer(bytes) });
}

export interface UdpOptions {
  readonly source: string;
  readonly group: string;
  readonly payload: Uint8Array;
  readonly id?: number;
  readonly ttl?: number;
  readonly port?: number;
  readonly dontFragment?: boolean;
}

/** An IP packet with a UDP datagram, its checksums right. */
export function udpBytes(options: UdpOptions): Uint8Array<ArrayBuffer> {
  const { source, group, payload, id = 1, ttl = 16, port = 5004, dontFragment = false } = options;
  const [from, to] = [addressBytes(source), addressBytes(group)];
  const ip = from.length === 4 ? 20 : 40;
  const bytes = new Uint8Array(ip + 8 + payload.length);
  const view = new DataView(bytes.buffer);
  if (ip === 20) {
    view.setUint16(0, 0x4500);
    view.setUint16(2, bytes.length);
    view.setUint16(4, id);
    view.setUint16(6, dontFragment ? 0x4000 : 0);
    bytes[8] = ttl;
    bytes[9] = 17;
    bytes.set(from, 12);
    bytes.set(to, 16);
    view.setUint16(10, internetChecksum(bytes.subarray(0, 20)));
  } else {
    view.setUint32(0, 0x60000000);
    view.setUint16(4, 8 + payload.length);
    bytes[6] = 17;
    bytes[7] = ttl;
    bytes.set(from, 8);
    bytes.set(to, 24);
  }
  view.setUint16(ip, 40_000);
  view.setUint16(ip + 2, port);
  view.setUint16(ip + 4, 8 + payload.length);
  bytes.set(payload, ip + 8);
  const pseudo = pseudoHeaderSum(from, to, 17, 8 + payload.length);
  view.setUint16(ip + 6, internetChecksum(bytes.subarray(ip), pseudo) || 0xffff);
  return bytes;
}

/** Puts bytes into fresh memory with 64 bytes of room in front. Returns the offset. */
export function place(arena: Arena, bytes: Uint8Array): number {
  const at = arena.reserve(64 + bytes.length + 16) + 64;
  arena.u8.set(bytes, at);
  return at;
}

/** Is the UDP checksum of the packet at `at` right? */
export function udpChecksumHolds(arena: Arena, at: number, length: number): boolean {
  const v6 = arena.u8[at]! >>> 4 === 6;
  const ip = v6 ? 40 : 20;
  const bytes = arena.copyOut(at, length);
  const [from, to] = v6
    ? [bytes.subarray(8, 24), bytes.subarray(24, 40)]
    : [bytes.subarray(12, 16), bytes.subarray(16, 20)];
  return onesComplementSum(bytes.subarray(ip), pseudoHeaderSum(from, to, 17, length - ip)) === 0xffff;
}

export function headerHolds(arena: Arena, at: number): boolean {
  return sumBytes(arena, at, 20, 0) === 0xffff;
}
