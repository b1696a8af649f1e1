// An array of struct mmsghdr with the iovecs, names and control buffers that it points at (64-bit Linux).
import type { Arena } from "./arena.ts";

const MMSGHDR = 64;
const MSG_NAME = 0;
const MSG_NAME_LENGTH = 8;
const MSG_IOV = 16;
const MSG_IOV_LENGTH = 24;
const MSG_CONTROL = 32;
const MSG_CONTROL_LENGTH = 40;
const MSG_FLAGS = 48;
const MSG_LEN = 56;
const IOVEC = 16;

/** struct cmsghdr: length u64, level i32, type i32, then the data. */
export const CMSG_DATA = 16;
/** CMSG_SPACE of up to eight bytes. */
export const CMSG_SPACE_U32 = 24;

export class MessageHeaders {
  readonly #arena: Arena;
  readonly #headers: number;
  readonly #iovecs: number;
  readonly #controls: number;
  readonly #controlSpace: number;

  constructor(arena: Arena, messages: number, iovecs: number, controlSpace: number) {
    this.#arena = arena;
    this.#headers = arena.reserve(messages * MMSGHDR);
    this.#iovecs = arena.reserve(iovecs * IOVEC);
    this.#controlSpace = (controlSpace + 7) & ~7;
    this.#controls = arena.reserve(Math.max(8, messages * this.#controlSpace));
    if (controlSpace > 0)
      for (let i = 0; i < messages; i++)
        arena.putPointer(this.#headers + i * MMSGHDR + MSG_CONTROL, this.controlAt(i));
  }

  /** Address of message `i`, for sendmmsg and recvmmsg. */
  address(i: number): number {
    return this.#arena.base + this.#headers + i * MMSGHDR;
  }

  controlAt(i: number): number {
    return this.#controls + i * this.#controlSpace;
  }

  setName(i: number, at: number, length: number): void {
    this.#arena.putPointer(this.#headers + i * MMSGHDR + MSG_NAME, at);
    this.setNameLength(i, length);
  }

  setNameLength(i: number, length: number): void {
    this.#arena.u32[(this.#headers + i * MMSGHDR + MSG_NAME_LENGTH) >>> 2] = length;
  }

  /** Message `i` uses `count` iovecs from `first` on. */
  setIovecs(i: number, first: number, count: number): void {
    this.#arena.putPointer(this.#headers + i * MMSGHDR + MSG_IOV, this.#iovecs + first * IOVEC);
    this.#arena.u32[(this.#headers + i * MMSGHDR + MSG_IOV_LENGTH) >>> 2] = count;
  }

  setIovec(iovec: number, at: number, length: number): void {
    const entry = this.#iovecs + iovec * IOVEC;
    this.#arena.putPointer(entry, at);
    this.#arena.u32[(entry + 8) >>> 2] = length;
  }

  setControlLength(i: number, length: number): void {
    this.#arena.u32[(this.#headers + i * MMSGHDR + MSG_CONTROL_LENGTH) >>> 2] = length;
  }

  controlLength(i: number): number {
    return this.#arena.u32[(this.#headers + i * MMSGHDR + MSG_CONTROL_LENGTH) >>> 2]!;
  }

  flags(i: number): number {
    return this.#arena.u32[(this.#headers + i * MMSGHDR + MSG_FLAGS) >>> 2]!;
  }

  /** Bytes received. */
  length(i: number): number {
    return this.#arena.u32[(this.#headers + i * MMSGHDR + MSG_LEN) >>> 2]!;
  }
}
