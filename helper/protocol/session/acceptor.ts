import { HandshakeState } from "#noise/handshake-state.ts";
import { NoiseError } from "#noise/noise-error.ts";
import { IKPSK2 } from "#noise/pattern.ts";
import { keyPair, type KeyPair } from "#noise/x25519.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Entropy } from "#ports/entropy.ts";
import type { TransportKeys } from "#ports/fast-path.ts";
import { DecodeError } from "#wire/cursor.ts";
import {
  decodeInitiationPayload,
  encodeResponsePayload,
  PROTOCOL_MINOR,
  type Caller,
  type HandshakeStatus,
  type InitiationPayload,
} from "#wire/frame-handshake-payload.ts";
import { COOKIE_NONCE_LENGTH, decodeInitiation, encodeResponse } from "#wire/frame-handshake.ts";
import { chooseCipher, cipherNumber } from "./cipher-choice.ts";
import { PROLOGUE } from "./constants.ts";
import { HandshakeLoad } from "./load.ts";
import { CookieIssuer, mac1Key, mac1Valid, signFrame } from "./macs.ts";
import { laterTimestamp, type HandshakeClock } from "./timestamp.ts";

/** Peers whose last timestamp is remembered. Past it the one that was silent longest is forgotten. */
const MAX_REMEMBERED = 4_096;

/** What a handshake asks for, to be decided by whoever knows members and invites. */
export interface AuthorizeRequest {
  readonly publicKey: Uint8Array; // 32 bytes, proved
  /** 8 bytes; undefined where the peer says it is a known member. */
  readonly inviteId: Uint8Array | undefined;
  readonly caller: Caller;
  readonly now: number;
}

/**
 * The psk must be the one that the peer holds, also for a refusal: it seals the answer. Keys come with "ok" and
 * "pending-approval" alone. That the peer holds the psk is proved by its first packet under the keys, not before:
 * count no use of an invite, and remember no member, earlier.
 */
export interface Authorization {
  readonly psk: Uint8Array; // 32 bytes
  readonly status: HandshakeStatus;
}

/** Undefined: a stranger, who gets no answer. */
export type Authorize = (request: AuthorizeRequest) => Authorization | undefined;

export type DropReason =
  | "malformed"
  | "mac1" // does not know our public key
  | "rate" // too many handshakes from that address, or in all
  | "authentication" // the Noise message does not open
  | "stranger" // authorize said no
  | "replay" // not newer than the last initiation of that peer
  | "own-key" // our own key: a reflected or misdirected initiation
  | "indices"; // no free index

export interface Accepted {
  readonly type: "accepted";
  readonly publicKey: Uint8Array;
  readonly inviteId: Uint8Array | undefined;
  readonly caller: Caller;
  readonly status: HandshakeStatus;
  readonly from: Endpoint;
  /** To be sent to `from`, after the keys are installed. */
  readonly response: Uint8Array;
  /** For the statuses "ok" and "pending-approval". Not confirmed yet. */
  readonly keys: TransportKeys | undefined;
}

export type AcceptResult =
  | Accepted
  | { readonly type: "cookie"; readonly to: Endpoint; readonly data: Uint8Array }
  | { readonly type: "dropped"; readonly reason: DropReason };

export interface AcceptorOptions {
  readonly localStatic: KeyPair;
  readonly hasAes: boolean;
  readonly entropy: Entropy;
  readonly clock: HandshakeClock;
  readonly authorize: Authorize;
  /** A fresh index for a peer's keys; undefined where there is none left. */
  readonly takeIndex: (publicKey: Uint8Array, caller: Caller) => number | undefined;
  readonly now: number;
}

/** The answering side of every handshake. Costly work begins behind mac1, and under load behind a cookie. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #key1: Uint8Array;
  readonly #load: HandshakeLoad;
  readonly #cookies: CookieIssuer;
  /** Public key in hexadecimal and as what it calls, to the greatest timestamp, in order of last use. */
  readonly #timestamps = new Map<string, Uint8Array>();

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const { localStatic, entropy, now } = options;
    this.#key1 = mac1Key(localStatic.publicKey);
    this.#load = new HandshakeLoad(now);
    this.#cookies = new CookieIssuer(localStatic.publicKey, entropy.bytes(32), now);
  }

  /** A datagram of type FRAME_HANDSHAKE_INITIATION. Never throws for what a peer sent. */
  handleInitiation(data: Uint8Array, from: Endpoint, now: number): AcceptResult {
    const frame = decodeInitiation(data);
    if (!frame) return dropped("malformed");
    if (!mac1Valid(data, this.#key1)) return dropped("mac1");
    if (this.#load.underLoad(now)) {
      const { entropy } = this.#options;
      if (this.#cookies.due(now)) this.#cookies.rotate(entropy.bytes(32), now);
      if (!this.#cookies.mac2Valid(data, from)) {
        const nonce = entropy.bytes(COOKIE_NONCE_LENGTH);
        return { type: "cookie", to: from, data: this.#cookies.reply(data, frame.senderIndex, from, nonce) };
      }
      if (!this.#load.admit(from.address, now)) return dropped("rate");
    }
    try {
      return this.#answer(frame.noise, frame.senderIndex, from, now);
    } catch (error) {
      if (error instanceof NoiseError || error instanceof DecodeError) return dropped("authentication");
      throw error;
    }
  }

  #answer(noise: Uint8Array, remoteIndex: number, from: Endpoint, now: number): AcceptResult {
    const { localStatic, entropy, authorize } = this.#options;
    const state = new HandshakeState({
      pattern: IKPSK2,
      initiator: false,
      prologue: new TextEncoder().encode(PROLOGUE),
      localStatic,
    });
    const payload = decodeInitiationPayload(state.readMessage(noise));
    const publicKey = state.remoteStatic!;
    if (publicKey.toHex() === localStatic.publicKey.toHex()) return dropped("own-key");
    const { caller } = payload;
    // Two hosts that are guests of each other have two sessions, whose calls may overtake each other.
    const key = `${publicKey.toHex()} ${caller}`;
    const inviteId = payload.inviteId.some((byte) => byte !== 0) ? payload.inviteId : undefined;
    const last = this.#timestamps.get(key);
    if (last && !laterTimestamp(payload.timestamp, last)) return dropped("replay");
    const authorization = authorize({ publicKey, inviteId, caller, now });
    if (!authorization) return dropped("stranger");
    this.#remember(key, payload.timestamp);
    state.setPsk(authorization.psk);
    state.setLocalEphemeral(keyPair(entropy.bytes(32)));
    const { status } = authorization;
    const common = { type: "accepted", publicKey, inviteId, caller, status, from } as const;
    if (status !== "ok" && status !== "pending-approval") {
      // An index of 0 belongs to nobody: nothing can be sent to a refused peer's keys, and it gets none.
      return {
        ...common,
        keys: undefined,
        response: this.#response(state, 0, remoteIndex, payload, status, now),
      };
    }
    const localIndex = this.#options.takeIndex(publicKey, caller);
    if (localIndex === undefined) return dropped("indices");
    const response = this.#response(state, localIndex, remoteIndex, payload, status, now);
    const { send, receive } = state.split();
    const cipher = chooseCipher(payload.ciphers, this.#options.hasAes);
    return {
      ...common,
      response,
      keys: { cipher, sendKey: send, receiveKey: receive, localIndex, remoteIndex },
    };
  }

  #response(
    state: HandshakeState,
    senderIndex: number,
    receiverIndex: number,
    initiation: InitiationPayload,
    status: HandshakeStatus,
    now: number,
  ): Uint8Array {
    const cipher = cipherNumber(chooseCipher(initiation.ciphers, this.#options.hasAes));
    const wallMs = this.#options.clock.wall(now);
    const payload = encodeResponsePayload({ status, cipher, minor: PROTOCOL_MINOR, wallMs });
    const noise = state.writeMessage(payload);
    const response = encodeResponse({ senderIndex, receiverIndex, noise });
    signFrame(response, mac1Key(state.remoteStatic!), undefined);
    return response;
  }

  #remember(key: string, timestamp: Uint8Array): void {
    this.#timestamps.delete(key);
    if (this.#timestamps.size >= MAX_REMEMBERED) {
      const oldest = this.#timestamps.keys().next();
      if (!oldest.done) this.#timestamps.delete(oldest.value);
    }
    this.#timestamps.set(key, timestamp.slice());
  }
}

function dropped(reason: DropReason): AcceptResult {
  return { type: "dropped", reason };
}
