// Out to a peer: the inner header in front of the packet, sealed into the sender's memory (so that one packet can
// go to many peers without a copy), in fragments where the path is too small.
import {
  DATA_COUNTER_OFFSET,
  DATA_HEADER_LENGTH,
  DATA_RECEIVER_OFFSET,
  DATA_TAG_LENGTH,
  DATA_TYPE_WORD,
  FRAGMENT_HEADER_LENGTH,
  FRAME_OVERHEAD,
  INNER_EPOCH_OFFSET,
  INNER_HEADER_LENGTH,
  INNER_ORIGIN_OFFSET,
  INNER_SEQUENCE_OFFSET,
  KIND_CONTROL,
  KIND_FRAGMENT,
  KIND_KEEPALIVE,
  KIND_MULTICAST,
  MAX_FRAGMENTS,
  MAX_INNER_PACKET,
} from "#wire/frame.ts";
import type { FastPathEvent } from "#ports/fast-path.ts";
import type { Arena } from "./arena.ts";
import { Exit } from "./batch.ts";
import type { Batch } from "./batch.ts";
import type { Cipher } from "./cipher.ts";
import type { Counters } from "./counters.ts";
import { LAST_SENT, MULTICAST_BYTES, OFFERED, TX_BYTES, TX_LARGEST, TX_PACKETS } from "./counters.ts";
import {
  DROP_CIRCUIT_BREAKER,
  DROP_HOPS,
  DROP_MEMBER_LIMIT,
  DROP_NO_ENDPOINT,
  DROP_NO_KEYS,
  DROP_SEND_FAILED,
  DROP_TOO_BIG,
} from "./drop-reasons.ts";
import type { KeyPair } from "./key-ring.ts";
import type { Peer } from "./peer.ts";
import type { PeerSender } from "./peer-sender.ts";
import { RateLimit } from "./rate-limit.ts";
import { RecentLargest } from "./recent-largest.ts";

const FRAGMENT_PREFIX = INNER_HEADER_LENGTH + FRAGMENT_HEADER_LENGTH;
/** A counter's upper half from which on no key may be used: far beyond every rekey. */
const COUNTER_LIMIT = 0x10000;
/** Rates are those of the wire: what a frame and its IP and UDP headers add to a packet. */
const WIRE_OVERHEAD = FRAME_OVERHEAD + 28;
/** After so long without a packet the next one is news. */
const QUIET_MS = 2_000;

export class PeerExit extends Exit {
  readonly peer: Peer;
  /** Of everything, and of multicast. */
  readonly maximum = new RateLimit();
  readonly multicastLimit = new RateLimit();
  readonly #arena: Arena;
  readonly #cipher: Cipher;
  readonly #sender: PeerSender;
  readonly #counters: Counters;
  readonly #prefix: number; // scratch for a fragment's headers
  readonly #emit: (event: FastPathEvent) => void;
  readonly #largest: RecentLargest;
  #offeredAt = -Infinity;

  constructor(
    peer: Peer,
    arena: Arena,
    cipher: Cipher,
    sender: PeerSender,
    counters: Counters,
    fragmentScratch: number,
    emit: (event: FastPathEvent) => void,
  ) {
    super(peer.vif, false);
    this.peer = peer;
    this.#arena = arena;
    this.#cipher = cipher;
    this.#sender = sender;
    this.#counters = counters;
    this.#prefix = fragmentScratch;
    this.#emit = emit;
    this.#largest = new RecentLargest((bytes) => counters.set(peer.vif, TX_LARGEST, bytes));
  }

  flush(batch: Batch, now: number): void {
    if (now - this.#offeredAt > QUIET_MS) this.#emit({ type: "peer-active", vif: this.vif });
    this.#offeredAt = now;
    this.#counters.add(this.vif, OFFERED, this.queued);
    for (let n = 0; n < this.queued; n++) {
      const i = this.queue[n]!;
      if (batch.hops[i] === 0) this.#counters.drop(this.vif, DROP_HOPS);
      else if (this.#withinRates(batch.kind[i]!, batch.length[i]! + WIRE_OVERHEAD, now))
        this.send(
          batch.kind[i]!,
          batch.flags[i]!,
          batch.hops[i]!,
          batch.origin[i]!,
          batch.epoch[i]!,
          batch.sequence[i]!,
          batch.offset[i]!,
          batch.length[i]!,
          now,
        );
    }
    this.queued = 0;
  }

  /** Counts multicast that may go, and what may not. */
  #withinRates(kind: number, bytes: number, now: number): boolean {
    if (this.maximum.on && !this.maximum.take(bytes, now)) {
      this.#counters.drop(this.vif, DROP_MEMBER_LIMIT);
      return false;
    }
    if (kind !== KIND_MULTICAST) return true;
    if (this.multicastLimit.on && !this.multicastLimit.take(bytes, now)) {
      this.#counters.drop(this.vif, DROP_CIRCUIT_BREAKER);
      return false;
    }
    this.#counters.add(this.vif, MULTICAST_BYTES, bytes);
    return true;
  }

  /** Seals `length` bytes at `at`; INNER_HEADER_LENGTH bytes in front of them are written over. `whole`: never in fragments. */
  send(
    kind: number,
    flags: number,
    hops: number,
    origin: number,
    epoch: number,
    sequence: number,
    at: number,
    length: number,
    now: number,
    whole = false,
  ): void {
    const { peer } = this;
    const keys = peer.current;
    if (!keys || keys.counterHigh >= COUNTER_LIMIT) {
      this.#counters.drop(this.vif, DROP_NO_KEYS);
      return;
    }
    if (!peer.reachable) {
      this.#counters.drop(this.vif, DROP_NO_ENDPOINT);
      return;
    }
    const { dv } = this.#arena;
    const header = at - INNER_HEADER_LENGTH;
    dv.setUint32(header, (kind << 24) | (flags << 16) | (hops << 8));
    dv.setUint32(header + INNER_ORIGIN_OFFSET, origin);
    dv.setUint32(header + INNER_EPOCH_OFFSET, epoch);
    dv.setUint32(header + INNER_SEQUENCE_OFFSET, sequence);
    if (whole || length + FRAME_OVERHEAD <= peer.datagramLimit)
      this.#seal(keys, kind, header, INNER_HEADER_LENGTH + length, now);
    else if (!this.#sendFragments(keys, kind, at, length, now)) {
      this.#counters.drop(this.vif, DROP_TOO_BIG);
      return;
    }
    this.#counters.add(this.vif, TX_PACKETS, 1);
    this.#counters.add(this.vif, TX_BYTES, length);
    this.#counters.set(this.vif, LAST_SENT, now);
  }

  #seal(keys: KeyPair, kind: number, plain: number, length: number, now: number): void {
    const out = this.#begin(keys, kind, length, now);
    const sealed = out + DATA_HEADER_LENGTH;
    const cipher = this.#cipher;
    const ok =
      cipher.sealStart(keys.sendContext, keys.counterHigh, keys.counterLow) &&
      cipher.sealPart(keys.sendContext, plain, sealed, length) &&
      cipher.sealEnd(keys.sendContext, sealed + length);
    this.#end(keys, ok, sealed, length);
  }

  #begin(keys: KeyPair, kind: number, length: number, now: number): number {
    const { dv } = this.#arena;
    const bytes = DATA_HEADER_LENGTH + length + DATA_TAG_LENGTH;
    if (bytes <= this.peer.datagramLimit) this.#largest.note(bytes, now);
    const out = this.#sender.reserve(this.peer, bytes, kind === KIND_CONTROL || kind === KIND_KEEPALIVE, now);
    dv.setUint32(out, DATA_TYPE_WORD);
    dv.setUint32(out + DATA_RECEIVER_OFFSET, keys.remoteIndex);
    dv.setUint32(out + DATA_COUNTER_OFFSET, keys.counterHigh);
    dv.setUint32(out + DATA_COUNTER_OFFSET + 4, keys.counterLow);
    return out;
  }

  #end(keys: KeyPair, ok: boolean, sealed: number, length: number): void {
    keys.nextCounter();
    if (ok) return;
    // The room is taken already: what goes out must hold no plaintext. The peer drops it as a forgery.
    this.#arena.u8.fill(0, sealed, sealed + length + DATA_TAG_LENGTH);
    this.#counters.drop(this.vif, DROP_SEND_FAILED);
  }

  /** Pieces of equal size, so that they leave as one run. False where there would be too many. */
  #sendFragments(keys: KeyPair, kind: number, at: number, length: number, now: number): boolean {
    const most = (this.peer.datagramLimit - FRAME_OVERHEAD - FRAGMENT_HEADER_LENGTH) & ~7;
    const count = Math.ceil(length / most);
    if (count > MAX_FRAGMENTS || length > MAX_INNER_PACKET) return false;
    const piece = Math.min(most, (Math.ceil(length / count) + 7) & ~7);
    const { u8, dv } = this.#arena;
    const prefix = this.#prefix;
    u8.copyWithin(prefix, at - INNER_HEADER_LENGTH, at);
    u8[prefix] = KIND_FRAGMENT;
    const pieces = Math.ceil(length / piece); // rounding up can save one
    const header = prefix + INNER_HEADER_LENGTH;
    for (let index = 0, offset = 0; offset < length; index++, offset += piece) {
      const size = Math.min(piece, length - offset);
      dv.setUint32(header, (kind << 24) | (index << 16) | (pieces << 8));
      dv.setUint32(header + 4, (length << 16) | offset);
      const out = this.#begin(keys, kind, FRAGMENT_PREFIX + size, now);
      const sealed = out + DATA_HEADER_LENGTH;
      const cipher = this.#cipher;
      const ok =
        cipher.sealStart(keys.sendContext, keys.counterHigh, keys.counterLow) &&
        cipher.sealPart(keys.sendContext, prefix, sealed, FRAGMENT_PREFIX) &&
        cipher.sealPart(keys.sendContext, at + offset, sealed + FRAGMENT_PREFIX, size) &&
        cipher.sealEnd(keys.sendContext, sealed + FRAGMENT_PREFIX + size);
      this.#end(keys, ok, sealed, FRAGMENT_PREFIX + size);
    }
    return true;
  }
}
