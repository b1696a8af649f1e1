// Out to this computer's applications: one write per packet, or per flow where datagrams can be joined.
import { writeAt, writevAt } from "#edge/linux/by-address.ts";
import { EAGAIN, EINVAL, VIRTIO_NET_HEADER_LENGTH } from "#edge/linux/constants.ts";
import { errno } from "#edge/linux/system-error.ts";
import type { Arena } from "./arena.ts";
import { Exit } from "./batch.ts";
import type { Batch } from "./batch.ts";
import { Coalescer, MAX_SEGMENTS, headersLength } from "./coalesce.ts";
import { TX_BYTES, TX_PACKETS } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { DROP_MALFORMED, DROP_SEND_FAILED, DROP_TUN_FULL } from "./drop-reasons.ts";
import { writeSingleHeader, writeSuperHeaders } from "./super-packet.ts";

const IOVEC = 16;

export class TunExit extends Exit {
  readonly #fd: number;
  readonly #arena: Arena;
  readonly #counters: Counters;
  readonly #coalescer: Coalescer;
  readonly #iovecs: number;
  readonly #saved: number;

  /** `scratch`: SCRATCH_BYTES of the arena, for any number of exits to share. */
  constructor(vif: number, fd: number, arena: Arena, counters: Counters, scratch: number) {
    super(vif, true);
    this.#fd = fd;
    this.#arena = arena;
    this.#counters = counters;
    this.#coalescer = new Coalescer(arena, false);
    this.#iovecs = scratch;
    this.#saved = scratch + MAX_SEGMENTS * IOVEC;
  }

  /** The iovecs of one super-packet, and the headers that it replaces. */
  static readonly SCRATCH_BYTES = MAX_SEGMENTS * IOVEC + 64;

  flush(batch: Batch): void {
    if (this.queued === 1)
      this.write(batch.offset[this.queue[0]!]!, batch.length[this.queue[0]!]!, batch.flags[this.queue[0]!]!);
    else {
      const groups = this.#coalescer;
      groups.group(batch, this.queue, this.queued);
      for (let g = 0; g < groups.groups; g++) {
        const i = groups.first[g]!;
        if (groups.size[g] === 1) this.write(batch.offset[i]!, batch.length[i]!, batch.flags[i]!);
        else this.#writeGroup(batch, g);
      }
    }
    this.queued = 0;
  }

  /** One IP packet; the 10 bytes in front of it are written over. */
  write(offset: number, length: number, flags: number): void {
    if (!writeSingleHeader(this.#arena, offset, length, flags, 0)) {
      this.#counters.drop(this.vif, DROP_MALFORMED);
      return;
    }
    const at = this.#arena.base + offset - VIRTIO_NET_HEADER_LENGTH;
    this.#written(writeAt(this.#fd, at, length + VIRTIO_NET_HEADER_LENGTH), 1, length);
  }

  #writeGroup(batch: Batch, g: number): void {
    const groups = this.#coalescer;
    const first = groups.first[g]!;
    const arena = this.#arena;
    const offset = batch.offset[first]!;
    const length = batch.length[first]!;
    const headers = headersLength(arena, offset);
    arena.u8.copyWithin(this.#saved, offset, offset + headers);
    writeSuperHeaders(arena, offset, groups.bytes[g]!, length - headers, 0);
    arena.putPointer(this.#iovecs, offset - VIRTIO_NET_HEADER_LENGTH);
    arena.u32[(this.#iovecs + 8) >>> 2] = length + VIRTIO_NET_HEADER_LENGTH;
    let at = this.#iovecs;
    for (let i = groups.next[first]!; i >= 0; i = groups.next[i]!) {
      at += IOVEC;
      arena.putPointer(at, batch.offset[i]! + headers);
      arena.u32[(at + 8) >>> 2] = batch.length[i]! - headers;
    }
    const size = groups.size[g]!;
    this.#written(writevAt(this.#fd, arena.base + this.#iovecs, size), size, groups.bytes[g]!);
    arena.u8.copyWithin(offset, this.#saved, this.#saved + headers); // other exits want the packet as it was
  }

  #written(result: number, packets: number, bytes: number): void {
    if (result >= 0) {
      this.#counters.add(this.vif, TX_PACKETS, packets);
      this.#counters.add(this.vif, TX_BYTES, bytes);
      return;
    }
    const error = errno();
    const reason = error === EAGAIN ? DROP_TUN_FULL : error === EINVAL ? DROP_MALFORMED : DROP_SEND_FAILED;
    this.#counters.drop(this.vif, reason, packets);
  }
}
