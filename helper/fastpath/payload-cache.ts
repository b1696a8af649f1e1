// Which packets the tunnel carried, and which were heard on a LAN, a short while ago. Where two members share a LAN,
// or two tunnels a network, this is what ends a loop that no header shows (a LAN frame has no origin id).
import type { Arena } from "./arena.ts";

/** A frame on a LAN that the tunnel carried within this time has come back. */
export const TUNNEL_MEMORY_MS = 2000;
/** A packet of the tunnel that was heard on the LAN within this time is there already. */
export const LAN_MEMORY_MS = 1000;

const SLOTS = 16_384;
const PREFIX = 64;

/** Direct-mapped and of fixed size: under heavy load it forgets sooner. Two hashes tell packets apart. */
export class PayloadCache {
  readonly #tag = new Int32Array(SLOTS);
  readonly #when = new Float64Array(SLOTS).fill(-Infinity);

  remember(hash: number, now: number): void {
    const slot = hash & (SLOTS - 1);
    this.#tag[slot] = hash;
    this.#when[slot] = now;
  }

  has(hash: number, now: number, within: number): boolean {
    const slot = hash & (SLOTS - 1);
    return this.#tag[slot] === hash && now - this.#when[slot]! < within;
  }
}

/**
 * Over what no hop changes: addresses, IPv4 id, protocol, length and the first 64 bytes behind the IP header, but
 * not TTL, header checksum, and the transport checksum (which may be partial at one place and complete at another).
 */
export function payloadHash(
  arena: Arena,
  offset: number,
  headerLength: number,
  length: number,
  protocol: number,
  checksumOffset: number,
): number {
  const { dv, u8 } = arena;
  const v4 = u8[offset]! >>> 4 === 4;
  let h = Math.imul(length ^ (protocol << 16), 0x01000193);
  if (v4) h = mix(h, dv.getInt32(offset + 4)); // id, flags, fragment offset
  for (let at = offset + (v4 ? 12 : 8), end = offset + (v4 ? 20 : 40); at < end; at += 4)
    h = mix(h, dv.getInt32(at));
  const checksumWord = checksumOffset < 0 ? -1 : offset + (checksumOffset & ~3);
  const start = offset + headerLength;
  const end = Math.min(start + PREFIX, offset + length - 3);
  for (let at = start; at < end; at += 4) {
    let word = dv.getInt32(at);
    if (at === checksumWord) word &= (checksumOffset & 2) !== 0 ? 0xffff0000 : 0x0000ffff;
    h = mix(h, word);
  }
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 13);
}

function mix(h: number, word: number): number {
  const x = Math.imul(h ^ word, 0x2c1b3c6d);
  return x ^ (x >>> 15);
}
