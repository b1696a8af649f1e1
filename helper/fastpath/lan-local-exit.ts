// To this computer's own sockets that joined on a LAN interface: raw sockets, TTL 0 (ports/lan.ts says why). The kernel
// puts a packet on the wire all the same where no socket is a member any more, until we hear of it; so where hosts on
// the LAN want the packet too, one packet with its TTL serves both: none of them gets it twice.
import { AF_INET, AF_INET6, IPPROTO_IP } from "#edge/linux/constants.ts";
import type { Arena } from "./arena.ts";
import { Exit } from "./batch.ts";
import type { Batch } from "./batch.ts";
import { TX_BYTES, TX_PACKETS } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { DROP_LOOP, DROP_MALFORMED, DROP_SEND_FAILED, DROP_TOO_BIG } from "./drop-reasons.ts";
import { writeHeaderChecksum } from "./header-edits.ts";
import { completePartial, fragmentIpv4 } from "./ipv4-fragments.ts";
import type { LanMemory } from "./lan-memory.ts";
import { CMSG_DATA } from "./message-headers.ts";
import type { SendRing } from "./send-ring.ts";

const IP_PKTINFO = 8; // linux/in.h
const PKTINFO_LENGTH = 12; // struct in_pktinfo: interface index, source, destination
const PKTINFO_SPACE = 32;
const SOCKADDR_IN = 16;
const SOCKADDR_IN6 = 28;
const IPV6_HEADER = 40;
const STRIDE = 64;
const SCRATCH_HEADERS = 256; // as many as the ring has messages: fragments for a tiny MTU must not pass its end

export class LanLocalExit extends Exit {
  readonly #loop4: number;
  readonly #loop6: number;
  readonly #index: number;
  readonly #mtu: number;
  readonly #arena: Arena;
  readonly #ring: SendRing;
  readonly #counters: Counters;
  readonly #memory: LanMemory;
  readonly #scratch: number;
  #scratchUsed = 0;

  static readonly SCRATCH_BYTES = SCRATCH_HEADERS * STRIDE;

  constructor(
    vif: number,
    device: {
      readonly loop4: number;
      readonly loop6: number;
      readonly interfaceIndex: number;
      readonly mtu: number;
    },
    ring: SendRing,
    counters: Counters,
    memory: LanMemory,
    scratch: number,
    alsoWire: boolean,
  ) {
    super(vif, !alsoWire);
    this.#loop4 = device.loop4;
    this.#loop6 = device.loop6;
    this.#index = device.interfaceIndex;
    this.#mtu = device.mtu;
    this.#arena = ring.arena;
    this.#ring = ring;
    this.#counters = counters;
    this.#memory = memory;
    this.#scratch = scratch;
  }

  flush(batch: Batch, now: number): void {
    const { u8 } = this.#arena;
    for (const version of [4, 6]) {
      for (let n = 0; n < this.queued; n++) {
        const i = this.queue[n]!;
        if (u8[batch.offset[i]!]! >>> 4 !== version) continue;
        if (this.#memory.heardHere(this.vif, i, now)) this.#counters.drop(this.vif, DROP_LOOP);
        else if (!completePartial(this.#arena, batch, i)) this.#counters.drop(this.vif, DROP_MALFORMED);
        else if (version === 4) this.#add4(batch.offset[i]!, batch.length[i]!);
        else this.#add6(batch.offset[i]!, batch.length[i]!);
      }
      this.#finish(version === 4 ? this.#loop4 : this.#loop6);
    }
    this.queued = 0;
  }

  #add4(offset: number, length: number): void {
    const { u8 } = this.#arena;
    const headerLength = (u8[offset]! & 15) << 2;
    const most = length > this.#mtu ? Math.ceil(length / ((this.#mtu - 60) & ~7)) : 1;
    this.#room(2 * most, most, this.#loop4);
    if (most > 1) {
      this.#scratchUsed += fragmentIpv4(
        this.#arena,
        offset,
        length,
        this.#mtu,
        this.#scratch + this.#scratchUsed,
        LanLocalExit.SCRATCH_BYTES - this.#scratchUsed,
        STRIDE,
        (header, headerBytes, piece, size) => this.#message4(header, headerBytes, piece, size),
      );
      return;
    }
    const header = this.#takeScratch();
    u8.copyWithin(header, offset, offset + headerLength);
    this.#message4(header, headerLength, offset + headerLength, length - headerLength);
  }

  #message4(header: number, headerLength: number, piece: number, size: number): void {
    const { u8, dv } = this.#arena;
    if (this.local) u8[header + 8] = 0;
    writeHeaderChecksum(this.#arena, header, headerLength);
    const name = this.#ring.nameAt();
    dv.setUint32(name, 0);
    dv.setUint16(name, AF_INET, true);
    u8.copyWithin(name + 4, header + 16, header + 20);
    dv.setUint32(name + 8, 0);
    dv.setUint32(name + 12, 0);
    const control = this.#ring.controlAt();
    dv.setUint32(control, CMSG_DATA + PKTINFO_LENGTH, true);
    dv.setUint32(control + 4, 0);
    dv.setUint32(control + 8, IPPROTO_IP, true);
    dv.setUint32(control + 12, IP_PKTINFO, true);
    dv.setUint32(control + CMSG_DATA, this.#index, true);
    u8.copyWithin(control + CMSG_DATA + 4, header + 12, header + 16);
    dv.setUint32(control + CMSG_DATA + 8, 0);
    this.#ring.begin();
    this.#ring.part(header, headerLength);
    this.#ring.part(piece, size);
    this.#ring.end(SOCKADDR_IN, PKTINFO_SPACE, 1, headerLength + size);
  }

  #add6(offset: number, length: number): void {
    if (length > this.#mtu) {
      this.#counters.drop(this.vif, DROP_TOO_BIG);
      return;
    }
    this.#room(2, 1, this.#loop6);
    const { u8, dv } = this.#arena;
    const header = this.#takeScratch();
    u8.copyWithin(header, offset, offset + IPV6_HEADER);
    if (this.local) u8[header + 7] = 0;
    const name = this.#ring.nameAt();
    dv.setUint32(name, 0);
    dv.setUint16(name, AF_INET6, true);
    dv.setUint32(name + 4, 0);
    u8.copyWithin(name + 8, header + 24, header + 40);
    dv.setUint32(name + 24, this.#index, true);
    this.#ring.begin();
    this.#ring.part(header, IPV6_HEADER);
    this.#ring.part(offset + IPV6_HEADER, length - IPV6_HEADER);
    this.#ring.end(SOCKADDR_IN6, 0, 1, length);
  }

  #takeScratch(): number {
    const at = this.#scratch + this.#scratchUsed;
    this.#scratchUsed += STRIDE;
    return at;
  }

  #room(parts: number, messages: number, fd: number): void {
    const scratch = this.#scratchUsed + messages * STRIDE <= LanLocalExit.SCRATCH_BYTES;
    if (!scratch || !this.#ring.hasRoom(parts, messages)) this.#finish(fd);
  }

  #finish(fd: number): void {
    this.#ring.flush(fd, this.#result);
    this.#scratchUsed = 0;
  }

  readonly #result = (packets: number, bytes: number, error: number): void => {
    if (error === 0) {
      this.#counters.add(this.vif, TX_PACKETS, packets);
      this.#counters.add(this.vif, TX_BYTES, bytes);
    } else this.#counters.drop(this.vif, DROP_SEND_FAILED, packets);
  };
}
