// Out to a LAN: multicast frames by AF_PACKET, a virtio header in front of each.
import {
  BEACON_ETHERTYPE,
  EMSGSIZE,
  ETH_P_IP,
  ETH_P_IPV6,
  VIRTIO_NET_HEADER_LENGTH,
} from "#edge/linux/constants.ts";
import type { Arena } from "./arena.ts";
import { Exit, writePlainVirtioHeader } from "./batch.ts";
import type { Batch } from "./batch.ts";
import { Coalescer, headersLength } from "./coalesce.ts";
import { TX_BYTES, TX_PACKETS } from "./counters.ts";
import type { Counters } from "./counters.ts";
import {
  DROP_INTERFACE_LIMIT,
  DROP_LOOP,
  DROP_MALFORMED,
  DROP_SEND_FAILED,
  DROP_TOO_BIG,
} from "./drop-reasons.ts";
import { completePartial, fragmentIpv4, mayFragment } from "./ipv4-fragments.ts";
import type { LanMemory } from "./lan-memory.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { SendRing } from "./send-ring.ts";
import { writeSingleHeader, writeSuperHeaders } from "./super-packet.ts";

export const ETHERNET_HEADER = 14;
const LINK = VIRTIO_NET_HEADER_LENGTH + ETHERNET_HEADER;
/** A fragment's or super-packet's headers: virtio and Ethernet before the last 64 bytes, IP in them. */
const STRIDE = 128;
const SCRATCH_HEADERS = 256;

export class LanWireExit extends Exit {
  readonly #fd: number;
  readonly #mac: Uint8Array;
  readonly #mtu: number;
  readonly #arena: Arena;
  readonly #counters: Counters;
  readonly #ring: SendRing;
  readonly #memory: LanMemory;
  readonly #rate: RateLimit;
  readonly #coalescer: Coalescer;
  readonly #scratch: number;
  #scratchUsed = 0;

  /** Bytes of scratch memory, which all such exits may share. */
  static readonly SCRATCH_BYTES = SCRATCH_HEADERS * STRIDE;

  constructor(
    vif: number,
    device: { readonly fd: number; readonly mac: Uint8Array; readonly mtu: number },
    ring: SendRing,
    counters: Counters,
    memory: LanMemory,
    rate: RateLimit,
    scratch: number,
  ) {
    super(vif, false);
    this.#fd = device.fd;
    this.#mac = device.mac;
    this.#mtu = device.mtu;
    this.#arena = ring.arena;
    this.#counters = counters;
    this.#ring = ring;
    this.#memory = memory;
    this.#rate = rate;
    this.#coalescer = new Coalescer(ring.arena, true);
    this.#scratch = scratch;
  }

  flush(batch: Batch, now: number): void {
    let kept = 0;
    for (let n = 0; n < this.queued; n++) {
      const i = this.queue[n]!;
      if (this.#memory.heardHere(this.vif, i, now)) this.#counters.drop(this.vif, DROP_LOOP);
      else if (this.#rate.on && !this.#rate.take(batch.length[i]!, now))
        this.#counters.drop(this.vif, DROP_INTERFACE_LIMIT);
      else this.queue[kept++] = i;
    }
    const groups = this.#coalescer;
    groups.group(batch, this.queue, kept);
    for (let g = 0; g < groups.groups; g++) {
      const i = groups.first[g]!;
      const length = batch.length[i]!;
      if (length > this.#mtu) this.#sendTooBig(batch, g);
      else if (groups.size[g] === 1) this.#single(batch.offset[i]!, length, batch.flags[i]!);
      else this.#group(batch, g);
    }
    this.#finish();
    this.queued = 0;
  }

  /** One IP packet to a group; the 24 bytes in front of it are written over. */
  inject(offset: number, length: number): void {
    this.#single(offset, length, 0);
    this.#finish();
  }

  /** The payload of a beacon; the 24 bytes in front of it are written over. */
  sendBeacon(offset: number, length: number): void {
    const { u8, dv } = this.#arena;
    const at = offset - ETHERNET_HEADER;
    writePlainVirtioHeader(this.#arena, offset - LINK);
    u8.fill(0xff, at, at + 6); // broadcast: snooping switches let it pass
    u8.set(this.#mac, at + 6);
    dv.setUint16(at + 12, BEACON_ETHERTYPE);
    this.#ring.begin();
    this.#ring.part(offset - LINK, length + LINK);
    this.#ring.end(0, 0, 0, 0);
    this.#finish();
  }

  #single(offset: number, length: number, flags: number): void {
    if (!writeSingleHeader(this.#arena, offset, length, flags, ETHERNET_HEADER)) {
      this.#counters.drop(this.vif, DROP_MALFORMED);
      return;
    }
    this.#room(1);
    this.#ethernet(offset - ETHERNET_HEADER, offset);
    this.#ring.begin();
    this.#ring.part(offset - LINK, length + LINK);
    this.#ring.end(0, 0, 1, length);
  }

  #group(batch: Batch, g: number): void {
    const groups = this.#coalescer;
    const first = groups.first[g]!;
    const arena = this.#arena;
    const offset = batch.offset[first]!;
    const headers = headersLength(arena, offset);
    const segment = batch.length[first]! - headers;
    const size = groups.size[g]!;
    this.#room(size + 1);
    // The headers of the whole stand in scratch memory: other exits want the packet as it was.
    const header = this.#takeScratch();
    arena.u8.copyWithin(header, offset, offset + headers);
    writeSuperHeaders(arena, header, groups.bytes[g]!, segment, ETHERNET_HEADER);
    this.#ethernet(header - ETHERNET_HEADER, offset);
    this.#ring.begin();
    this.#ring.part(header - LINK, LINK + headers);
    for (let i = first; i >= 0; i = groups.next[i]!)
      this.#ring.part(batch.offset[i]! + headers, batch.length[i]! - headers);
    this.#ring.end(0, 0, size, groups.bytes[g]!);
  }

  /** Bigger than the LAN's MTU, each packet of the group: IPv4 may be cut up, IPv6 never (RFC 8200 section 5). */
  #sendTooBig(batch: Batch, g: number): void {
    for (let i = this.#coalescer.first[g]!; i >= 0; i = this.#coalescer.next[i]!) this.#fragment(batch, i);
  }

  #fragment(batch: Batch, i: number): void {
    const arena = this.#arena;
    const offset = batch.offset[i]!;
    const length = batch.length[i]!;
    if (!mayFragment(arena, offset)) {
      this.#counters.drop(this.vif, DROP_TOO_BIG);
      return;
    }
    if (!completePartial(arena, batch, i)) {
      this.#counters.drop(this.vif, DROP_MALFORMED);
      return;
    }
    const most = Math.ceil(length / ((this.#mtu - 60) & ~7));
    this.#room(2 * most, most);
    this.#scratchUsed += fragmentIpv4(
      arena,
      offset,
      length,
      this.#mtu,
      this.#scratch + this.#scratchUsed,
      LanWireExit.SCRATCH_BYTES - this.#scratchUsed,
      STRIDE,
      (header, headerLength, piece, size) => {
        writePlainVirtioHeader(arena, header - LINK);
        this.#ethernet(header - ETHERNET_HEADER, offset);
        this.#ring.begin();
        this.#ring.part(header - LINK, LINK + headerLength);
        this.#ring.part(piece, size);
        this.#ring.end(0, 0, 1, headerLength + size);
      },
    );
  }

  #takeScratch(): number {
    const header = this.#scratch + this.#scratchUsed + STRIDE - 64;
    this.#scratchUsed += STRIDE;
    return header;
  }

  #room(parts: number, messages = 1): void {
    const scratch = this.#scratchUsed + messages * STRIDE <= LanWireExit.SCRATCH_BYTES;
    if (!scratch || !this.#ring.hasRoom(parts, messages)) this.#finish();
  }

  /** RFC 1112 section 6.4, RFC 2464 section 7: the group's low bits are in the destination address. */
  #ethernet(at: number, packet: number): void {
    const { u8, dv } = this.#arena;
    if (u8[packet]! >>> 4 === 6) {
      dv.setUint16(at, 0x3333);
      dv.setUint32(at + 2, dv.getUint32(packet + 36));
      dv.setUint16(at + 12, ETH_P_IPV6);
    } else {
      dv.setUint16(at, 0x0100);
      dv.setUint32(at + 2, 0x5e000000 | (dv.getUint32(packet + 16) & 0x7fffff));
      dv.setUint16(at + 12, ETH_P_IP);
    }
    for (let i = 0; i < 6; i++) u8[at + 6 + i] = this.#mac[i]!;
  }

  #finish(): void {
    this.#ring.flush(this.#fd, this.#result);
    this.#scratchUsed = 0;
  }

  readonly #result = (packets: number, bytes: number, error: number): void => {
    if (error === 0) {
      this.#counters.add(this.vif, TX_PACKETS, packets);
      this.#counters.add(this.vif, TX_BYTES, bytes);
    } else this.#counters.drop(this.vif, error === EMSGSIZE ? DROP_TOO_BIG : DROP_SEND_FAILED, packets);
  };
}
