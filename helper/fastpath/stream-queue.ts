// Frames that a stream did not take yet. They stand in cells of equal size from one pool, so that the oldest packet can
// go from the middle of a queue and all queues together have a bound.
import { MAX_STREAM_FRAME } from "#wire/frame.ts";
import type { Arena } from "./arena.ts";

/** A frame with its length in front. */
export const CELL_BYTES = MAX_STREAM_FRAME + 64;
const POOL_CELLS = 4096;
/** Of one stream: a third of a megabyte of video, a second or so of what a hotel's network takes. */
export const QUEUE_FRAMES = 256;
/** What waited longer than this is of no use to anybody who watches. */
export const QUEUE_MS = 1_000;
const NONE = -1;

/** How much memory the cells need, `streams` of them having one of their own each. */
export function cellBytes(streams: number): number {
  return (POOL_CELLS + streams) * CELL_BYTES;
}

export class Cells {
  readonly length: Int32Array; // with the two bytes in front
  readonly control: Uint8Array;
  readonly since: Float64Array; // ms
  readonly next: Int32Array;
  readonly #memory: number;
  #free = NONE;

  /** The first `streams` cells are no part of the pool. */
  constructor(arena: Arena, streams: number) {
    const count = streams + POOL_CELLS;
    this.length = new Int32Array(count);
    this.control = new Uint8Array(count);
    this.since = new Float64Array(count);
    this.next = new Int32Array(count).fill(NONE);
    this.#memory = arena.reserve(count * CELL_BYTES);
    for (let cell = count - 1; cell >= streams; cell--) this.give(cell);
  }

  at(cell: number): number {
    return this.#memory + cell * CELL_BYTES;
  }

  /** Below 0: there is none. */
  take(): number {
    const cell = this.#free;
    if (cell !== NONE) this.#free = this.next[cell]!;
    return cell;
  }

  give(cell: number): void {
    this.next[cell] = this.#free;
    this.#free = cell;
  }
}

/** First in, first out; what is too much goes from its old end, data before control messages. */
export class StreamQueue {
  readonly #arena: Arena;
  readonly #cells: Cells;
  /** For the rest of a frame of which the stream has taken a part: there is always room for that. */
  readonly #own: number;
  #head = NONE;
  #tail = NONE;
  count = 0;
  /** Bytes of the first frame that have gone: it cannot be dropped any more. */
  begun = 0;

  constructor(arena: Arena, cells: Cells, own: number) {
    this.#arena = arena;
    this.#cells = cells;
    this.#own = own;
  }

  get first(): number {
    return this.#head;
  }

  /** A frame of which `sent` bytes have gone already; the queue is empty. */
  pushBegun(at: number, length: number, sent: number, control: number, now: number): void {
    this.#append(this.#own, at, length, control, now);
    this.begun = sent;
  }

  /** How many frames were dropped for it, itself perhaps. */
  push(at: number, length: number, control: number, now: number): number {
    let dropped = 0;
    if (this.count >= QUEUE_FRAMES) dropped += this.#dropOldest();
    let cell = this.#cells.take();
    if (cell < 0) {
      dropped += this.#dropOldest();
      cell = this.#cells.take();
    }
    if (cell < 0) return dropped + 1;
    this.#append(cell, at, length, control, now);
    return dropped;
  }

  /** Drops data that has waited for too long. Returns how many frames. */
  dropStale(now: number): number {
    const { since, control, next } = this.#cells;
    let dropped = 0;
    let before = this.begun > 0 ? this.#head : NONE;
    for (;;) {
      const cell = before === NONE ? this.#head : next[before]!;
      if (cell === NONE || since[cell]! + QUEUE_MS > now) return dropped;
      if (control[cell] === 1) before = cell;
      else {
        this.#unlink(before, cell);
        dropped++;
      }
    }
  }

  /** The first frame has gone. */
  shift(): void {
    this.begun = 0;
    this.#unlink(NONE, this.#head);
  }

  /** Returns how many frames were in it. */
  clear(): number {
    const { count } = this;
    while (this.#head !== NONE) this.shift();
    return count;
  }

  #append(cell: number, at: number, length: number, control: number, now: number): void {
    const cells = this.#cells;
    this.#arena.u8.copyWithin(cells.at(cell), at, at + length);
    cells.length[cell] = length;
    cells.control[cell] = control;
    cells.since[cell] = now;
    cells.next[cell] = NONE;
    if (this.#tail === NONE) this.#head = cell;
    else cells.next[this.#tail] = cell;
    this.#tail = cell;
    this.count++;
  }

  /** The oldest data frame; where there is none, the oldest control message. Returns how many: 1, or 0. */
  #dropOldest(): number {
    const { next, control } = this.#cells;
    const firstBefore = this.begun > 0 ? this.#head : NONE;
    const first = firstBefore === NONE ? this.#head : next[firstBefore]!;
    if (first === NONE) return 0;
    let before = firstBefore;
    let cell = first;
    while (cell !== NONE && control[cell] === 1) {
      before = cell;
      cell = next[cell]!;
    }
    if (cell === NONE) this.#unlink(firstBefore, first);
    else this.#unlink(before, cell);
    return 1;
  }

  #unlink(before: number, cell: number): void {
    const cells = this.#cells;
    const after = cells.next[cell]!;
    if (before === NONE) this.#head = after;
    else cells.next[before] = after;
    if (this.#tail === cell) this.#tail = before;
    this.count--;
    if (cell !== this.#own) cells.give(cell);
  }
}
