// recvmmsg into the slots: one call fetches a burst, with each message's sender and control data.
import { recvmmsgAt } from "#edge/linux/by-address.ts";
import {
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  IP_TOS,
  IPV6_TCLASS,
  SO_RXQ_OVFL,
  SOL_SOCKET,
  UDP_GRO,
} from "#edge/linux/constants.ts";
import { HEADROOM, SLOT_BYTES, SLOT_CAPACITY } from "./arena.ts";
import type { Arena } from "./arena.ts";
import { CMSG_DATA, MessageHeaders } from "./message-headers.ts";

export const SLOTS = 64;
const NAME = 64; // room for one socket address, on a line of its own
const CONTROL = 96; // UDP_GRO, SO_RXQ_OVFL and the traffic class take 72
const MSG_TRUNC = 0x20;

export class ReceiveRing {
  readonly #arena: Arena;
  readonly #headers: MessageHeaders;
  readonly #names: number;
  readonly #slots: number;
  readonly #nameLength: number;
  readonly #before: number;
  #stale = SLOTS; // headers that the kernel has written to since they were set

  /** What is received starts `before` bytes in front of a slot's headroom end. `slots` is shared with other rings. */
  constructor(arena: Arena, slots: number, before: number, nameLength: number) {
    this.#arena = arena;
    this.#slots = slots;
    this.#before = before;
    this.#nameLength = nameLength;
    this.#headers = new MessageHeaders(arena, SLOTS, SLOTS, CONTROL);
    this.#names = arena.reserve(SLOTS * NAME);
    for (let i = 0; i < SLOTS; i++) {
      this.#headers.setName(i, this.nameAt(i), nameLength);
      this.#headers.setIovecs(i, i, 1);
      this.#headers.setIovec(i, this.dataAt(i), SLOT_CAPACITY);
    }
  }

  nameAt(i: number): number {
    return this.#names + i * NAME;
  }

  dataAt(i: number): number {
    return this.#slots + i * SLOT_BYTES + HEADROOM - this.#before;
  }

  /** Messages received; 0 or less: none, see errno. Overwrites what the last call brought. */
  receive(fd: number): number {
    for (let i = 0; i < this.#stale; i++) {
      this.#headers.setNameLength(i, this.#nameLength);
      this.#headers.setControlLength(i, CONTROL);
    }
    const count = recvmmsgAt(fd, this.#headers.address(0), SLOTS, 0, 0);
    this.#stale = Math.max(0, count);
    return count;
  }

  length(i: number): number {
    return this.#headers.length(i);
  }

  truncated(i: number): boolean {
    return (this.#headers.flags(i) & MSG_TRUNC) !== 0;
  }

  /** Size of each datagram in message `i` where UDP_GRO has joined several; else 0. */
  segmentSize(i: number): number {
    return this.#control(i, IPPROTO_UDP, UDP_GRO);
  }

  /** How many messages the socket's queue has lost since it was made; 0 where the kernel does not say. */
  overflow(i: number): number {
    return this.#control(i, SOL_SOCKET, SO_RXQ_OVFL);
  }

  /** DSCP and ECN of the packet that message `i` came in; 0 where the socket does not ask for them. */
  trafficClass(i: number): number {
    return (this.#control(i, IPPROTO_IP, IP_TOS) || this.#control(i, IPPROTO_IPV6, IPV6_TCLASS)) & 0xff;
  }

  #control(i: number, level: number, type: number): number {
    const end = this.#headers.controlLength(i);
    if (end === 0) return 0;
    const { dv } = this.#arena;
    const start = this.#headers.controlAt(i);
    for (let at = 0; at + CMSG_DATA + 4 <= end;) {
      const length = dv.getUint32(start + at, true);
      if (length < CMSG_DATA) return 0;
      if (dv.getInt32(start + at + 8, true) === level && dv.getInt32(start + at + 12, true) === type)
        return dv.getUint32(start + at + CMSG_DATA, true);
      at += (length + 7) & ~7;
    }
    return 0;
  }
}
