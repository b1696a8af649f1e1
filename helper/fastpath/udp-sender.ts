// Datagrams of one burst to all peers: runs of equal size to one peer become one UDP_SEGMENT message, and all
// messages go out with one sendmmsg.
import { sendmmsgAt } from "#edge/linux/by-address.ts";
import { sendto } from "#edge/linux/libc.ts";
import type { FastPathEvent } from "#ports/fast-path.ts";
import { EINVAL, EMSGSIZE, IPPROTO_UDP, UDP_SEGMENT } from "#edge/linux/constants.ts";
import { errno } from "#edge/linux/system-error.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Arena } from "./arena.ts";
import type { Counters } from "./counters.ts";
import { DROP_SEND_FAILED, DROP_TOO_BIG } from "./drop-reasons.ts";
import { CMSG_DATA, CMSG_SPACE_U32, MessageHeaders } from "./message-headers.ts";
import { SOCKADDR_IN6, writeEndpoint } from "./peer.ts";
import type { Peer } from "./peer.ts";

const EIO = 5;
const ROOM = 512 * 1024;
const MAX_MESSAGES = 256;
const MAX_SEGMENTS = 64; // UDP_MAX_SEGMENTS of older kernels
const MAX_RUN = 65_000; // bytes in one message, below the largest IP packet
/** Of what the slow path sends. */
const LONGEST_NOW = 2048;
const CMSG_LEN_U16 = CMSG_DATA + 2;

export class UdpSender {
  fd = -1;
  readonly #arena: Arena;
  readonly #counters: Counters;
  readonly #emit: (event: FastPathEvent) => void;
  readonly #headers: MessageHeaders;
  readonly #room: number;
  readonly #name: number;
  readonly #peers: (Peer | undefined)[] = Array.from({ length: MAX_MESSAGES });
  readonly #start = new Int32Array(MAX_MESSAGES);
  readonly #bytes = new Int32Array(MAX_MESSAGES);
  readonly #segment = new Int32Array(MAX_MESSAGES);
  readonly #segments = new Int32Array(MAX_MESSAGES);
  #count = 0;
  #cursor: number;
  #open = false; // may the last message grow?
  #segmentation = true; // until the kernel refuses it (UDP_SEGMENT needs a device that can checksum)

  constructor(arena: Arena, counters: Counters, emit: (event: FastPathEvent) => void) {
    this.#arena = arena;
    this.#emit = emit;
    this.#counters = counters;
    this.#headers = new MessageHeaders(arena, MAX_MESSAGES, MAX_MESSAGES, CMSG_SPACE_U32);
    for (let i = 0; i < MAX_MESSAGES; i++) {
      this.#headers.setIovecs(i, i, 1);
      const at = this.#headers.controlAt(i);
      arena.dv.setUint32(at, CMSG_LEN_U16, true); // cmsg_len is 64 bits, its upper half zero
      arena.dv.setUint32(at + 8, IPPROTO_UDP, true);
      arena.dv.setUint32(at + 12, UDP_SEGMENT, true);
    }
    this.#room = arena.reserve(ROOM);
    this.#name = arena.reserve(SOCKADDR_IN6);
    this.#cursor = this.#room;
  }

  /** Where to write the next datagram, of exactly `length` bytes, to `peer`. */
  reserve(peer: Peer, length: number): number {
    const last = this.#count - 1;
    if (
      this.#open &&
      this.#peers[last] === peer &&
      length <= this.#segment[last]! &&
      this.#segments[last]! < MAX_SEGMENTS &&
      this.#bytes[last]! + length <= MAX_RUN &&
      this.#cursor + length <= this.#room + ROOM
    ) {
      this.#bytes[last] = this.#bytes[last]! + length;
      this.#segments[last] = this.#segments[last]! + 1;
      this.#open = length === this.#segment[last]; // a shorter one can only be the last
    } else this.#begin(peer, length);
    const at = this.#cursor;
    this.#cursor += length;
    return at;
  }

  #begin(peer: Peer, length: number): void {
    if (this.#count === MAX_MESSAGES || this.#cursor + length > this.#room + ROOM) this.flush();
    const i = this.#count++;
    this.#peers[i] = peer;
    this.#start[i] = this.#cursor;
    this.#bytes[i] = length;
    this.#segment[i] = length;
    this.#segments[i] = 1;
    this.#open = this.#segmentation;
  }

  /** A frame of the slow path, now or not at all: a full queue or an unreachable network loses it. */
  sendNow(to: Endpoint, data: Uint8Array): void {
    this.flush();
    if (data.length > LONGEST_NOW) throw new RangeError(`a frame of ${data.length} bytes is no handshake`);
    const { base, u8 } = this.#arena;
    writeEndpoint(this.#arena, this.#name, to);
    u8.set(data, this.#room);
    sendto(this.fd, BigInt(base + this.#room), data.length, 0, BigInt(base + this.#name), SOCKADDR_IN6);
  }

  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    for (let i = 0; i < count; i++) {
      const many = this.#segments[i]! > 1;
      this.#headers.setName(i, this.#peers[i]!.endpointAt, SOCKADDR_IN6);
      this.#headers.setIovec(i, this.#start[i]!, this.#bytes[i]!);
      this.#headers.setControlLength(i, many ? CMSG_SPACE_U32 : 0);
      if (many) this.#arena.dv.setUint16(this.#headers.controlAt(i) + CMSG_DATA, this.#segment[i]!, true);
    }
    for (let done = 0; done < count;) {
      const sent = sendmmsgAt(this.fd, this.#headers.address(done), count - done, 0);
      if (sent > 0) done += sent;
      else this.#failed(done++, errno());
    }
    this.#count = 0;
    this.#cursor = this.#room;
    this.#open = false;
  }

  #failed(i: number, error: number): void {
    const peer = this.#peers[i]!;
    const segments = this.#segments[i]!;
    if (segments > 1 && (error === EIO || error === EINVAL)) {
      // Older kernels say EINVAL of a run too where its datagrams are too big for the interface.
      if (this.#sendOneByOne(i)) this.#segmentation = false;
      return;
    }
    if (error === EMSGSIZE) this.#tooBig(peer, this.#segment[i]!, segments);
    else this.#counters.drop(peer.vif, DROP_SEND_FAILED, segments);
  }

  /** The interface takes less than we thought. A probe that it refuses has had its answer, and is no loss. */
  #tooBig(peer: Peer, bytes: number, segments: number): void {
    if (!peer.probing) this.#counters.drop(peer.vif, DROP_TOO_BIG, segments);
    if (peer.refusedDatagram(bytes)) this.#emit({ type: "datagram-too-big", vif: peer.vif, bytes });
  }

  /** Do the datagrams fit? */
  #sendOneByOne(i: number): boolean {
    let fit = true;
    const { base } = this.#arena;
    const peer = this.#peers[i]!;
    const end = this.#start[i]! + this.#bytes[i]!;
    const to = BigInt(base + peer.endpointAt);
    for (let at = this.#start[i]!; at < end; at += this.#segment[i]!) {
      const length = Math.min(this.#segment[i]!, end - at);
      if (sendto(this.fd, BigInt(base + at), length, 0, to, SOCKADDR_IN6) >= 0) continue;
      if (errno() === EMSGSIZE) {
        fit = false;
        this.#tooBig(peer, length, 1);
      } else this.#counters.drop(peer.vif, DROP_SEND_FAILED);
    }
    return fit;
  }
}
