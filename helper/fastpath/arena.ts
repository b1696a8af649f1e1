// One block of memory at a fixed address holds every buffer of the fast path, so that all code works on the same
// few views with plain offsets. Pages that no packet has touched cost nothing.

/** Room in front of what is received: virtio and Ethernet headers end, and outer and inner headers fit, before it. */
export const HEADROOM = 64;
/** Largest thing that a slot receives: a super-packet or a run of datagrams. */
export const SLOT_CAPACITY = 65_536 + 64;
/** An odd number of 64-byte lines, so that the slots' first lines do not all fall into one set of the cache. */
export const SLOT_BYTES = HEADROOM + SLOT_CAPACITY + 64 * 32;

export interface ArenaMemory {
  readonly address: bigint;
  readonly buffer: ArrayBuffer;
}

const WORD = 0x1_0000_0000;

export class Arena {
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly dv: DataView<ArrayBuffer>;
  readonly u32: Uint32Array<ArrayBuffer>;
  /** Address of offset 0. Exact: user-space addresses are below 2^47. */
  readonly base: number;
  #next = 64; // offset 0 stays free: an offset of 0 means "none"

  constructor(memory: ArenaMemory) {
    this.u8 = new Uint8Array(memory.buffer);
    this.dv = new DataView(memory.buffer);
    this.u32 = new Uint32Array(memory.buffer);
    this.base = Number(memory.address);
  }

  /** The offset of `length` fresh zero bytes, on a cache line of their own. */
  reserve(length: number): number {
    const at = this.#next;
    this.#next = (at + length + 63) & ~63;
    if (this.#next > this.u8.length) throw new RangeError(`the arena has no ${length} bytes left`);
    return at;
  }

  /** Stores the address of `target` as a pointer at `at` (8-byte aligned; little-endian 64-bit hosts alone). */
  putPointer(at: number, target: number): void {
    const address = this.base + target;
    this.u32[at >>> 2] = address; // modulo 2^32, as typed arrays store
    this.u32[(at >>> 2) + 1] = address / WORD;
  }

  copyOut(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.u8.slice(offset, offset + length);
  }
}
