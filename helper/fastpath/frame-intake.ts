// A frame from the transport socket or out of a stream: data frames are opened in place; everything else is for the
// slow path to look at.
import type { FastPathEvent } from "#ports/fast-path.ts";
import {
  DATA_COUNTER_OFFSET,
  DATA_HEADER_LENGTH,
  DATA_RECEIVER_OFFSET,
  DATA_TAG_LENGTH,
  DATA_TYPE_WORD,
  FRAME_OVERHEAD,
} from "#wire/frame.ts";
import { fitsHandshake } from "#wire/frame-handshake.ts";
import type { Arena } from "./arena.ts";
import type { Cipher } from "./cipher.ts";
import {
  HIGHEST_COUNTER,
  LAST_RECEIVED,
  RECEIVED_UNDER_KEY,
  RX_BYTES,
  RX_EXPECTED,
  RX_PACKETS,
  TRANSPORT_ROW,
} from "./counters.ts";
import type { Counters } from "./counters.ts";
import {
  DROP_AUTH_FAILED,
  DROP_MALFORMED,
  DROP_RATE_LIMITED,
  DROP_REPLAY,
  DROP_UNKNOWN_INDEX,
} from "./drop-reasons.ts";
import type { InnerFrames } from "./inner-frames.ts";
import type { KeyPair, KeyRing } from "./key-ring.ts";
import { endpointAt } from "./peer.ts";
import type { Stream } from "./stream.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Frames a second that the slow path is asked to look at. */
const PUNT_RATE = 2000;
const PUNT_BURST = 500;
/** Longer than any frame but those of data. */
const LONGEST_PUNT = 2048;
/** Upper halves of counters that are exact doubles (MAX_COUNTER). */
const COUNTER_HIGH_LIMIT = 0x1fffff;
const WORD = 0x1_0000_0000;

export interface FrameIntakeParts {
  readonly arena: Arena;
  readonly cipher: Cipher;
  readonly keys: KeyRing;
  readonly inner: InnerFrames;
  readonly counters: Counters;
  readonly emit: (event: FastPathEvent) => void;
}

export class FrameIntake {
  readonly #p: FrameIntakeParts;
  readonly #bucket = new TokenBucket(PUNT_RATE, PUNT_BURST);

  constructor(parts: FrameIntakeParts) {
    this.#p = parts;
  }

  /** `from`: the sender's sockaddr_in6. `stream`: what it came out of, undefined for the transport socket. */
  take(at: number, length: number, from: number, stream: Stream | undefined, now: number): void {
    const { arena, counters, keys } = this.#p;
    const { dv } = arena;
    if (length < 4 || dv.getUint32(at) !== DATA_TYPE_WORD) {
      this.#punt(at, length, from, stream, now);
      return;
    }
    if (length < FRAME_OVERHEAD) {
      counters.drop(TRANSPORT_ROW, DROP_MALFORMED);
      return;
    }
    const pair = keys.find(dv.getInt32(at + DATA_RECEIVER_OFFSET));
    if (!pair) {
      counters.drop(TRANSPORT_ROW, DROP_UNKNOWN_INDEX);
      return;
    }
    this.#open(pair, at, length, from, stream, now);
  }

  #open(
    pair: KeyPair,
    at: number,
    length: number,
    from: number,
    stream: Stream | undefined,
    now: number,
  ): void {
    const { arena, cipher, counters, inner } = this.#p;
    const { dv } = arena;
    const { peer } = pair;
    const high = dv.getUint32(at + DATA_COUNTER_OFFSET);
    const low = dv.getUint32(at + DATA_COUNTER_OFFSET + 4);
    const counter = high * WORD + low;
    if (high > COUNTER_HIGH_LIMIT || !pair.replay.fresh(counter)) {
      counters.drop(peer.vif, DROP_REPLAY);
      return;
    }
    const plain = at + DATA_HEADER_LENGTH;
    const plainLength = length - DATA_HEADER_LENGTH - DATA_TAG_LENGTH;
    if (!cipher.open(pair.receiveContext, high, low, plain, plainLength)) {
      counters.drop(peer.vif, DROP_AUTH_FAILED);
      return;
    }
    pair.replay.accept(counter);
    if (stream && !stream.authenticated) this.#authenticated(stream, pair);
    if (peer.current !== pair) this.#confirm(pair);
    const newest = counter > pair.highest || pair.received === 0;
    if (newest) {
      counters.add(peer.vif, RX_EXPECTED, pair.received === 0 ? counter + 1 : counter - pair.highest);
      pair.highest = counter;
    }
    pair.received++;
    peer.largest.note(length, now);
    // An older packet that was overtaken must not send the answers back to where the peer was.
    if (newest && peer.current === pair && !peer.isAt(from, stream)) this.#moved(pair, from, stream);
    counters.add(peer.vif, RX_PACKETS, 1);
    counters.add(peer.vif, RX_BYTES, plainLength);
    counters.set(peer.vif, LAST_RECEIVED, now);
    counters.set(peer.vif, HIGHEST_COUNTER, pair.highest);
    counters.set(peer.vif, RECEIVED_UNDER_KEY, pair.received);
    inner.receive(peer, plain, plainLength, now);
  }

  #confirm(pair: KeyPair): void {
    if (!this.#p.keys.confirm(pair)) return;
    this.#p.emit({ type: "peer-keys-confirmed", vif: pair.peer.vif, localIndex: pair.localIndex });
  }

  #moved({ peer }: KeyPair, from: number, stream: Stream | undefined): void {
    peer.moveTo(from, stream);
    const endpoint = endpointAt(this.#p.arena, from, stream);
    this.#p.emit({ type: "peer-moved", vif: peer.vif, endpoint });
  }

  #authenticated(stream: Stream, { peer }: KeyPair): void {
    stream.authenticated = true;
    this.#p.emit({ type: "stream-authenticated", stream: stream.number, vif: peer.vif });
  }

  #punt(at: number, length: number, from: number, stream: Stream | undefined, now: number): void {
    const { arena, counters, emit } = this.#p;
    if (length === 0 || length > LONGEST_PUNT || !fitsHandshake(arena.u8[at]!, length))
      counters.drop(TRANSPORT_ROW, DROP_MALFORMED);
    else if ((stream && !stream.puntBucket.take(now)) || !this.#bucket.take(now))
      counters.drop(TRANSPORT_ROW, DROP_RATE_LIMITED);
    else emit({ type: "datagram", from: endpointAt(arena, from, stream), data: arena.copyOut(at, length) });
  }
}
