// Datagrams of one flow that wait for the same exit become one super-packet (VIRTIO_NET_HDR_GSO_UDP_L4): one
// write instead of many. Flows may be interleaved in the burst; the order within each is kept.
import { FLAG_CHECKSUM_PARTIAL, FLAG_CHECKSUM_VERIFIED } from "#wire/frame.ts";
import { BATCH_MAX } from "./batch.ts";
import type { Batch } from "./batch.ts";
import type { Arena } from "./arena.ts";
import { PROTOCOL_UDP } from "./ip-packet.ts";

/** UDP_MAX_SEGMENTS of older kernels, and the largest IP packet. */
export const MAX_SEGMENTS = 64;
const MAX_SUPER_PACKET = 65_535;
const UDP_HEADER = 8;
const IPV6_HEADER = 40;
const NONE = -1;

/** Groups of packets in the order of their first ones; a group of one is sent as it is. */
export class Coalescer {
  readonly #arena: Arena;
  readonly #consecutiveIds: boolean;
  groups = 0;
  readonly first = new Int32Array(BATCH_MAX); // place in the batch
  readonly size = new Int32Array(BATCH_MAX);
  readonly bytes = new Int32Array(BATCH_MAX); // of the super-packet
  readonly next = new Int32Array(BATCH_MAX); // by place in the batch: the next of its group, or -1
  readonly #last = new Int32Array(BATCH_MAX);
  readonly #open = new Uint8Array(BATCH_MAX);
  readonly #segment = new Int32Array(BATCH_MAX); // length of each packet but the last

  /**
   * `consecutiveIds`: IPv4 packets must have ids that follow one another. The kernel numbers the segments so when
   * it cuts a super-packet up again; where others compare what they hear, ids must stay as they were.
   */
  constructor(arena: Arena, consecutiveIds: boolean) {
    this.#arena = arena;
    this.#consecutiveIds = consecutiveIds;
  }

  group(batch: Batch, queue: Int32Array, queued: number): void {
    this.groups = 0;
    for (let n = 0; n < queued; n++) this.#add(batch, queue[n]!);
  }

  #add(batch: Batch, i: number): void {
    const flow = batch.flow[i]!;
    const length = batch.length[i]!;
    const fits = flow >= 0 && this.#eligible(batch, i);
    this.next[i] = NONE;
    if (flow >= 0)
      for (let g = this.groups - 1; g >= 0; g--) {
        const head = this.first[g]!;
        if (this.#open[g] === 0 || batch.flow[head] !== flow) continue;
        if (fits && !this.#samePorts(batch, head, i)) continue; // another datagram flow to the same group
        if (fits && this.#joins(batch, g, i, length)) {
          this.next[this.#last[g]!] = i;
          this.#last[g] = i;
          this.size[g] = this.size[g]! + 1;
          this.bytes[g] = this.bytes[g]! + length - headersLength(this.#arena, batch.offset[i]!);
          if (length < this.#segment[g]! || this.size[g] === MAX_SEGMENTS) this.#open[g] = 0;
          return;
        }
        this.#open[g] = 0; // later packets must not overtake this one
      }
    const g = this.groups++;
    this.first[g] = i;
    this.#last[g] = i;
    this.size[g] = 1;
    this.bytes[g] = length;
    this.#segment[g] = length;
    this.#open[g] = fits ? 1 : 0;
  }

  /** UDP directly behind the IP header, whole, not a fragment, with a checksum that somebody vouches for. */
  #eligible(batch: Batch, i: number): boolean {
    const { u8, dv } = this.#arena;
    const at = batch.offset[i]!;
    const length = batch.length[i]!;
    if ((batch.flags[i]! & (FLAG_CHECKSUM_PARTIAL | FLAG_CHECKSUM_VERIFIED)) === 0) return false;
    if (u8[at] === 0x45) {
      if (length <= 28 || u8[at + 9] !== PROTOCOL_UDP || (dv.getUint16(at + 6) & 0x3fff) !== 0) return false;
      return (
        dv.getUint16(at + 24) === length - 20 && (dv.getUint16(at + 26) !== 0 || this.#partial(batch, i))
      );
    }
    if (u8[at]! >>> 4 !== 6 || length <= IPV6_HEADER + UDP_HEADER || u8[at + 6] !== PROTOCOL_UDP)
      return false;
    return dv.getUint16(at + IPV6_HEADER + 4) === length - IPV6_HEADER;
  }

  #partial(batch: Batch, i: number): boolean {
    return (batch.flags[i]! & FLAG_CHECKSUM_PARTIAL) !== 0;
  }

  #samePorts(batch: Batch, a: number, b: number): boolean {
    const { dv } = this.#arena;
    const [x, y] = [batch.offset[a]!, batch.offset[b]!];
    const udp = headersLength(this.#arena, x) - UDP_HEADER;
    // Same flow: same source and group, hence same family.
    return dv.getUint32(x + udp) === dv.getUint32(y + udp);
  }

  #joins(batch: Batch, g: number, i: number, length: number): boolean {
    const { dv, u8 } = this.#arena;
    if (length > this.#segment[g]!) return false;
    const at = batch.offset[i]!;
    const headers = headersLength(this.#arena, at);
    if (this.bytes[g]! + length - headers > MAX_SUPER_PACKET) return false;
    const head = batch.offset[this.first[g]!]!;
    if (headers === IPV6_HEADER + UDP_HEADER)
      return dv.getUint32(head) === dv.getUint32(at) && u8[head + 7] === u8[at + 7];
    if (u8[head + 1] !== u8[at + 1] || u8[head + 8] !== u8[at + 8]) return false; // TOS, TTL
    if (dv.getUint16(head + 6) !== dv.getUint16(at + 6)) return false; // don't fragment
    const expected = (dv.getUint16(head + 4) + this.size[g]!) & 0xffff;
    return !this.#consecutiveIds || dv.getUint16(at + 4) === expected;
  }
}

/** IP (without options) and UDP header. */
export function headersLength(arena: Arena, offset: number): number {
  return arena.u8[offset]! >>> 4 === 6 ? IPV6_HEADER + UDP_HEADER : 20 + UDP_HEADER;
}
