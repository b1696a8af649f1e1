// What of one burst goes out together: packets of one flow that are equally long are one run, which leaves as one message
// for each gateway (UDP_SEGMENT). The iovecs and control data of a run are made once and are the same for all gateways.
import { CMSG_DATA } from "../message-headers.ts";
import {
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  IPV6_TCLASS,
  UDP_SEGMENT,
} from "#edge/linux/constants.ts";
import type { Arena } from "../arena.ts";
import { BATCH_MAX } from "../batch.ts";
import type { Batch } from "../batch.ts";
import { MAX_FLOWS } from "../flow-memory.ts";

const IOVEC = 16;
const AMT_HEADER = 2;
/** Room for two control messages of four bytes. */
const CONTROL = 48;
const CONTROL_SPACE = 24;
const MAX_SEGMENTS = 64; // UDP_MAX_SEGMENTS of older kernels
const MAX_RUN = 65_000; // bytes in one message, below the largest IP packet
const NONE = -1;

/** What an outer header says of congestion: nothing, or the packet's own mark, by IPv4 or IPv6. */
export const MARK_NONE = 0;
export const MARK_IPV4 = 1;
export const MARK_IPV6 = 2;
const MARKS = 3;

export class StreamRuns {
  count = 0;
  readonly first = new Int32Array(BATCH_MAX); // place in the batch
  readonly next = new Int32Array(BATCH_MAX); // by place in the batch; -1: the last of its run
  readonly size = new Int32Array(BATCH_MAX);
  readonly bytes = new Int32Array(BATCH_MAX); // of IP
  readonly segment = new Int32Array(BATCH_MAX); // of the first packet, AMT header included
  readonly mark = new Uint8Array(BATCH_MAX); // the ECN field
  readonly #arena: Arena;
  readonly #last = new Int32Array(BATCH_MAX);
  readonly #closed = new Uint8Array(BATCH_MAX);
  readonly #iovecs: number;
  readonly #firstIovec = new Int32Array(BATCH_MAX);
  readonly #controls: number;
  readonly #runOf = new Int32Array(MAX_FLOWS);
  readonly #stampOf = new Uint32Array(MAX_FLOWS);
  #stamp = 0;

  /** What it needs of the arena. */
  static readonly BYTES = BATCH_MAX * (IOVEC + MARKS * CONTROL);

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#iovecs = arena.reserve(BATCH_MAX * IOVEC);
    this.#controls = arena.reserve(BATCH_MAX * MARKS * CONTROL);
  }

  /** The packets at these places, each with its AMT header in the two bytes in front of it. `join`: several in one run. */
  form(batch: Batch, places: Int32Array, count: number, join: boolean): void {
    this.#stamp = (this.#stamp + 1) >>> 0;
    this.count = 0;
    for (let n = 0; n < count; n++) this.#place(batch, places[n]!, join);
    let iovec = 0;
    for (let run = 0; run < this.count; run++) {
      this.#firstIovec[run] = iovec;
      for (let i = this.first[run]!; i !== NONE; i = this.next[i]!) {
        const at = this.#iovecs + iovec++ * IOVEC;
        this.#arena.putPointer(at, batch.offset[i]! - AMT_HEADER);
        this.#arena.u32[(at + 8) >>> 2] = batch.length[i]! + AMT_HEADER;
      }
      for (let mark = MARK_NONE; mark < MARKS; mark++) this.#writeControl(run, mark);
    }
  }

  iovecsAt(run: number): number {
    return this.#iovecs + this.#firstIovec[run]! * IOVEC;
  }

  controlAt(run: number, mark: number): number {
    return this.#controls + (run * MARKS + mark) * CONTROL;
  }

  controlLength(run: number, mark: number): number {
    return (this.size[run]! > 1 ? CONTROL_SPACE : 0) + (mark === MARK_NONE ? 0 : CONTROL_SPACE);
  }

  #place(batch: Batch, i: number, join: boolean): void {
    const flow = batch.flow[i]!;
    const length = batch.length[i]! + AMT_HEADER;
    const mark = this.#markOf(batch.offset[i]!);
    this.next[i] = NONE;
    const run = this.#stampOf[flow] === this.#stamp ? this.#runOf[flow]! : NONE;
    if (
      run !== NONE &&
      join &&
      this.#closed[run] === 0 &&
      length <= this.segment[run]! &&
      mark === this.mark[run] &&
      this.size[run]! < MAX_SEGMENTS &&
      this.bytes[run]! + (this.size[run]! + 1) * AMT_HEADER + length <= MAX_RUN
    ) {
      this.next[this.#last[run]!] = i;
      this.#last[run] = i;
      this.size[run] = this.size[run]! + 1;
      this.bytes[run] = this.bytes[run]! + batch.length[i]!;
      if (length < this.segment[run]!) this.#closed[run] = 1; // a shorter one can only be the last
      return;
    }
    const fresh = this.count++;
    this.#stampOf[flow] = this.#stamp;
    this.#runOf[flow] = fresh;
    this.first[fresh] = i;
    this.#last[fresh] = i;
    this.size[fresh] = 1;
    this.bytes[fresh] = batch.length[i]!;
    this.segment[fresh] = length;
    this.mark[fresh] = mark;
    this.#closed[fresh] = 0;
  }

  #markOf(offset: number): number {
    const { u8 } = this.#arena;
    return u8[offset]! >>> 4 === 6 ? (u8[offset + 1]! >>> 4) & 3 : u8[offset + 1]! & 3;
  }

  #writeControl(run: number, mark: number): void {
    const { dv } = this.#arena;
    let at = this.controlAt(run, mark);
    if (this.size[run]! > 1) {
      this.#begin(at, IPPROTO_UDP, UDP_SEGMENT, 2);
      dv.setUint16(at + CMSG_DATA, this.segment[run]!, true);
      at += CONTROL_SPACE;
    }
    if (mark === MARK_NONE) return;
    if (mark === MARK_IPV4) this.#begin(at, IPPROTO_IP, IP_TOS, 4);
    else this.#begin(at, IPPROTO_IPV6, IPV6_TCLASS, 4);
    dv.setUint32(at + CMSG_DATA, this.mark[run]!, true);
  }

  #begin(at: number, level: number, type: number, length: number): void {
    const { dv } = this.#arena;
    dv.setUint32(at, CMSG_DATA + length, true); // 64 bits, the upper half zero
    dv.setUint32(at + 8, level, true);
    dv.setUint32(at + 12, type, true);
  }
}
