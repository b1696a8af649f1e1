import type { KeyPair } from "#noise/x25519.ts";
import type { Clock } from "#ports/clock.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Entropy } from "#ports/entropy.ts";
import { Acceptor, type Accepted, type Authorize, type DropReason } from "#protocol/session/acceptor.ts";
import { IndexTable } from "#protocol/session/index-table.ts";
import type { Session } from "#protocol/session/session.ts";
import type { StreamTarget } from "#protocol/session/session-types.ts";
import { HandshakeClock } from "#protocol/session/timestamp.ts";
import { FRAME_COOKIE_REPLY, FRAME_HANDSHAKE_INITIATION, FRAME_HANDSHAKE_RESPONSE } from "#wire/frame.ts";
import type { Caller } from "#wire/frame-handshake-payload.ts";
import { decodeCookieReply, decodeResponse } from "#wire/frame-handshake.ts";

/** Who owns an index: a session's end in this daemon. */
export interface SessionOwner {
  readonly session: Session;
}

export interface TransportOptions {
  readonly localStatic: KeyPair;
  readonly hasAes: boolean;
  readonly entropy: Entropy;
  readonly clock: Clock;
  readonly authorize: Authorize;
  /** The owner for a peer that shakes hands, as what it calls; undefined: no more peers fit. */
  readonly ownerOf: (publicKey: Uint8Array, caller: Caller) => SessionOwner | undefined;
  readonly accepted: (accepted: Accepted, now: number) => void;
  readonly send: (to: Endpoint, data: Uint8Array) => void;
  readonly sendInOrder: (to: Endpoint, data: Uint8Array) => void;
  /** Rejects where the stream cannot be opened, or was given up. */
  readonly openStream: (target: StreamTarget, signal: AbortSignal) => Promise<Endpoint>;
  readonly closeStream: (stream: number) => void;
}

export interface HandshakeCounters {
  accepted: number;
  cookies: number;
  unknown: number; // a type that is none of ours, or an index that nobody owns
  readonly dropped: Map<DropReason, number>;
}

/** Everything on the transport socket that is not a data frame: to the acceptor, or to whom its index belongs. */
export class Transport {
  readonly handshakeClock: HandshakeClock;
  readonly indices: IndexTable<SessionOwner>;
  readonly counters: HandshakeCounters = { accepted: 0, cookies: 0, unknown: 0, dropped: new Map() };
  readonly #options: TransportOptions;
  readonly #acceptor: Acceptor;

  constructor(options: TransportOptions) {
    this.#options = options;
    const { clock, entropy, localStatic, hasAes, authorize } = options;
    const now = clock.now();
    this.indices = new IndexTable(entropy);
    this.handshakeClock = new HandshakeClock(clock.wall(), now);
    this.#acceptor = new Acceptor({
      localStatic,
      hasAes,
      entropy,
      clock: this.handshakeClock,
      authorize,
      now,
      takeIndex: (publicKey, caller) => {
        const owner = options.ownerOf(publicKey, caller);
        return owner && this.indices.take(owner);
      },
    });
  }

  send(to: Endpoint, data: Uint8Array): void {
    this.#options.send(to, data);
  }

  /** After the keys that it may bring have been installed. */
  sendInOrder(to: Endpoint, data: Uint8Array): void {
    this.#options.sendInOrder(to, data);
  }

  openStream(target: StreamTarget, signal: AbortSignal): Promise<Endpoint> {
    return this.#options.openStream(target, signal);
  }

  closeStream(stream: number): void {
    this.#options.closeStream(stream);
  }

  /** Never throws for what a stranger sent. */
  handleDatagram(data: Uint8Array, from: Endpoint, now: number): void {
    switch (data[0]) {
      case FRAME_HANDSHAKE_INITIATION:
        return this.#handleInitiation(data, from, now);
      case FRAME_HANDSHAKE_RESPONSE: {
        const frame = decodeResponse(data);
        const owner = frame && this.indices.owner(frame.receiverIndex);
        if (owner?.session.handleHandshakeResponse(data, frame!.receiverIndex, from, now)) return;
        this.counters.unknown++;
        return;
      }
      case FRAME_COOKIE_REPLY: {
        const frame = decodeCookieReply(data);
        const owner = frame && this.indices.owner(frame.receiverIndex);
        if (owner) owner.session.handleCookieReply(data, from, now);
        else this.counters.unknown++;
        return;
      }
      default:
        this.counters.unknown++;
    }
  }

  #handleInitiation(data: Uint8Array, from: Endpoint, now: number): void {
    const result = this.#acceptor.handleInitiation(data, from, now);
    switch (result.type) {
      case "accepted":
        this.counters.accepted++;
        return this.#options.accepted(result, now);
      case "cookie":
        this.counters.cookies++;
        return this.send(result.to, result.data);
      case "dropped":
        this.counters.dropped.set(result.reason, (this.counters.dropped.get(result.reason) ?? 0) + 1);
    }
  }
}
