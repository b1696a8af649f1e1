// UDP super-packets that the kernel hands over (a sender's UDP_SEGMENT, or GRO) become the datagrams they stand for.
import { VIRTIO_NET_HDR_GSO_UDP_L4 } from "#edge/linux/constants.ts";
import { FLAG_CHECKSUM_PARTIAL } from "#wire/frame.ts";
import { HEADROOM } from "./arena.ts";
import type { Arena } from "./arena.ts";
import type { Forwarder } from "./forwarder.ts";
import { ipHeaderLength, ipProtocol, pseudoHeaderSum, writeHeaderChecksum } from "./header-edits.ts";
import { PROTOCOL_UDP } from "./ip-packet.ts";
import type { Vif } from "./vif.ts";

const ROOM = 512 * 1024;
const GSO_ECN = 0x80;
const UDP_HEADER = 8;
const TAIL = 16;
/** Several times what kernels put into one; a virtual machine on a bridge might claim segments of a byte. */
const MAX_SEGMENTS = 512;

export class Segmenter {
  readonly #arena: Arena;
  readonly #room: number;
  #used = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#room = arena.reserve(ROOM);
  }

  /** The burst has been sent: its copies may be overwritten. */
  release(): void {
    this.#used = 0;
  }

  /** Hands each datagram to the forwarder. False where the super-packet is none of UDP, or is malformed. */
  split(
    forwarder: Forwarder,
    vif: Vif,
    virtio: number,
    packet: number,
    available: number,
    own: boolean,
    now: number,
  ): boolean {
    const { u8, dv } = this.#arena;
    if (available < 48 || (u8[virtio + 1]! & ~GSO_ECN) !== VIRTIO_NET_HDR_GSO_UDP_L4) return false;
    const v6 = u8[packet]! >>> 4 === 6;
    const ip = ipHeaderLength(this.#arena, packet);
    const headers = ip + UDP_HEADER;
    const segment = dv.getUint16(virtio + 4, true);
    const total = v6 ? 40 + dv.getUint16(packet + 4) : dv.getUint16(packet + 2);
    if (segment === 0 || ip < 20 || headers >= total || total > available) return false;
    if (ipProtocol(this.#arena, packet) !== PROTOCOL_UDP) return false;
    if (total - headers > segment * MAX_SEGMENTS) return false;
    const id = v6 ? 0 : dv.getUint16(packet + 4);
    for (let done = 0, n = 0; done < total - headers; done += segment, n++) {
      const size = Math.min(segment, total - headers - done);
      const stride = (HEADROOM + headers + size + TAIL + 63) & ~63;
      if (this.#used + stride > ROOM) forwarder.flush(now); // calls release()
      const at = this.#room + this.#used + HEADROOM;
      this.#used += stride;
      u8.copyWithin(at, packet, packet + headers);
      u8.copyWithin(at + headers, packet + headers + done, packet + headers + done + size);
      if (v6) dv.setUint16(at + 4, UDP_HEADER + size);
      else {
        dv.setUint16(at + 2, headers + size);
        dv.setUint16(at + 4, (id + n) & 0xffff);
        writeHeaderChecksum(this.#arena, at, ip);
      }
      dv.setUint16(at + ip + 4, UDP_HEADER + size);
      const sum = pseudoHeaderSum(this.#arena, at, PROTOCOL_UDP, UDP_HEADER + size);
      dv.setUint16(at + ip + 6, sum);
      forwarder.fromDevice(vif, at, headers + size, FLAG_CHECKSUM_PARTIAL, own, now);
    }
    return true;
  }
}
