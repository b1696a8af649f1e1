// One byte stream that carries frames, each behind its length: many frames a read, a burst a write, and a bounded queue
// for what the stream does not take at once.
import { readAt, sendAt, sendmmsgAt } from "#edge/linux/by-address.ts";
import { EAGAIN, EBADMSG, EINTR, MSG_NOSIGNAL } from "#edge/linux/constants.ts";
import { errno } from "#edge/linux/system-error.ts";
import { MAX_STREAM_FRAME, STREAM_LENGTH_BYTES } from "#wire/frame.ts";
import { HEADROOM } from "./arena.ts";
import type { Arena } from "./arena.ts";
import type { Counters } from "./counters.ts";
import { TRANSPORT_ROW } from "./counters.ts";
import { DROP_MALFORMED, DROP_STREAM_FULL } from "./drop-reasons.ts";
import type { Forwarder } from "./forwarder.ts";
import type { FrameIntake } from "./frame-intake.ts";
import type { Ingress } from "./ingress.ts";
import type { MessageHeaders } from "./message-headers.ts";
import { StreamQueue } from "./stream-queue.ts";
import type { Cells } from "./stream-queue.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Bytes of one read. */
const READ_BYTES = 256 * 1024;
/** Frames of one write out of the queue. */
export const GATHER = 64;
/** Handshakes and the like that one stream may hand up: an honest peer sends one a second. */
const PUNT_RATE = 10;
const PUNT_BURST = 20;

export interface StreamParts {
  readonly arena: Arena;
  readonly counters: Counters;
  readonly forwarder: Forwarder;
  readonly intake: FrameIntake;
  readonly cells: Cells;
  /** One message of GATHER parts. */
  readonly headers: MessageHeaders;
  /** Where every read goes: READ_BYTES and more. */
  readonly slots: number;
  /** It brings and takes nothing any more. */
  readonly closed: (stream: Stream, errno: number) => void;
  /** Has it something to write, or not any more? */
  readonly interest: () => void;
}

/** What each stream has of the arena, by its place. */
export interface StreamSlot {
  readonly place: number;
  /** A sockaddr_in6. */
  readonly remote: number;
  /** For the first bytes of a frame whose others are still under way. */
  readonly rest: number;
}

export class Stream implements Ingress {
  readonly number: number;
  readonly fd: number;
  readonly vif = undefined;
  readonly slot: StreamSlot;
  readonly puntBucket = new TokenBucket(PUNT_RATE, PUNT_BURST);
  authenticated = false;
  blocked = false;
  /** The row that pays for drops: of the peer that sent by it last. */
  row = TRANSPORT_ROW;
  readonly #p: StreamParts;
  readonly #queue: StreamQueue;
  #rest = 0; // bytes

  constructor(number: number, fd: number, slot: StreamSlot, parts: StreamParts) {
    this.number = number;
    this.fd = fd;
    this.slot = slot;
    this.#p = parts;
    this.#queue = new StreamQueue(parts.arena, parts.cells, slot.place);
  }

  get queued(): number {
    return this.#queue.count;
  }

  receive(now: number): number {
    const { arena, slots, forwarder } = this.#p;
    const start = slots + HEADROOM;
    const got = readAt(this.fd, arena.base + start + this.#rest, READ_BYTES);
    if (got <= 0) return this.#readFailed(got === 0 ? 0 : errno());
    arena.u8.copyWithin(start, this.slot.rest, this.slot.rest + this.#rest);
    const frames = this.#takeFrames(start, start + this.#rest + got, now);
    forwarder.flush(now);
    return frames;
  }

  #readFailed(error: number): number {
    if (error !== EAGAIN && error !== EINTR) this.#p.closed(this, error);
    return 0;
  }

  #takeFrames(start: number, end: number, now: number): number {
    const { arena, intake, counters } = this.#p;
    const { dv, u8 } = arena;
    let frames = 0;
    let at = start;
    while (end - at >= STREAM_LENGTH_BYTES) {
      const length = dv.getUint16(at);
      if (length === 0 || length > MAX_STREAM_FRAME) {
        counters.drop(TRANSPORT_ROW, DROP_MALFORMED);
        this.#p.closed(this, EBADMSG);
        return frames;
      }
      const frame = at + STREAM_LENGTH_BYTES;
      if (frame + length > end) break;
      intake.take(frame, length, this.slot.remote, this, now);
      frames++;
      at = frame + length;
    }
    this.#rest = end - at;
    u8.copyWithin(this.slot.rest, at, end);
    return frames;
  }

  /** `count` frames that stand one behind the other from `at` on, their lengths in front. See StreamSender. */
  write(
    at: number,
    bytes: number,
    lengths: Int32Array,
    control: Uint8Array,
    first: number,
    now: number,
  ): void {
    let sent = 0;
    if (this.#queue.count === 0) {
      sent = Math.max(0, sendAt(this.fd, this.#p.arena.base + at, bytes, MSG_NOSIGNAL));
      if (sent === bytes) return;
    }
    let dropped = 0;
    for (let i = first, offset = 0; offset < bytes; offset += lengths[i]!, i++) {
      const length = lengths[i]!;
      if (sent >= offset + length) continue;
      if (sent > offset) this.#queue.pushBegun(at + offset, length, sent - offset, control[i]!, now);
      else dropped += this.#queue.push(at + offset, length, control[i]!, now);
    }
    this.#dropped(dropped);
    this.#setBlocked();
  }

  /** It takes bytes again, or has failed: then receive() finds out. */
  writable(now: number): void {
    this.#dropped(this.#queue.dropStale(now));
    while (this.#queue.count > 0) {
      const [all, sent] = [this.#gather(), this.#sendGathered()];
      this.#consume(Math.max(0, sent));
      if (sent < all) break;
    }
    this.#setBlocked();
  }

  /** Forgets what waits. */
  close(): void {
    this.#dropped(this.#queue.clear());
  }

  /** Returns how many bytes stand ready. */
  #gather(): number {
    const { cells, headers } = this.#p;
    const queue = this.#queue;
    let bytes = 0;
    let parts = 0;
    let begun = queue.begun;
    for (let cell = queue.first; cell >= 0 && parts < GATHER; cell = cells.next[cell]!) {
      const length = cells.length[cell]! - begun;
      headers.setIovec(parts++, cells.at(cell) + begun, length);
      bytes += length;
      begun = 0;
    }
    headers.setIovecs(0, 0, parts);
    return bytes;
  }

  #sendGathered(): number {
    const { headers } = this.#p;
    return sendmmsgAt(this.fd, headers.address(0), 1, MSG_NOSIGNAL) === 1 ? headers.length(0) : -1;
  }

  #consume(sent: number): void {
    const { cells } = this.#p;
    const queue = this.#queue;
    while (sent > 0) {
      const left = cells.length[queue.first]! - queue.begun;
      if (sent < left) {
        queue.begun += sent;
        return;
      }
      sent -= left;
      queue.shift();
    }
  }

  #dropped(frames: number): void {
    if (frames > 0) this.#p.counters.drop(this.row, DROP_STREAM_FULL, frames);
  }

  #setBlocked(): void {
    const blocked = this.#queue.count > 0;
    if (blocked === this.blocked) return;
    this.blocked = blocked;
    this.#p.interest();
  }
}
