import { HandshakeState } from "#noise/handshake-state.ts";
import { NoiseError } from "#noise/noise-error.ts";
import { IKPSK2 } from "#noise/pattern.ts";
import { keyPair, type KeyPair } from "#noise/x25519.ts";
import type { TransportKeys } from "#ports/fast-path.ts";
import { DecodeError } from "#wire/cursor.ts";
import {
  decodeResponsePayload,
  encodeInitiationPayload,
  PROTOCOL_MINOR,
  type Caller,
  type ResponsePayload,
} from "#wire/frame-handshake-payload.ts";
import { decodeResponse, encodeInitiation } from "#wire/frame-handshake.ts";
import { cipherByNumber, cipherOffer } from "./cipher-choice.ts";
import { PROLOGUE } from "./constants.ts";
import { mac1Key, mac1Valid, openCookie, signFrame } from "./macs.ts";

const NO_INVITE = new Uint8Array(8);

export interface InitiationOptions {
  readonly localStatic: KeyPair;
  readonly remoteStatic: Uint8Array;
  /** 32 bytes. */
  readonly psk: Uint8Array;
  /** 8 bytes, where we are not known to be a member yet. */
  readonly inviteId: Uint8Array | undefined;
  /** What we are to the far end; a guest where nothing is said. */
  readonly caller?: Caller | undefined;
  readonly hasAes: boolean;
  readonly localIndex: number;
  /** 32 random bytes, never used again. */
  readonly ephemeral: Uint8Array;
  readonly timestamp: Uint8Array;
}

export interface Answer {
  readonly payload: ResponsePayload;
  /** For the statuses that give keys. */
  readonly keys: TransportKeys | undefined;
}

/** One handshake that we started. The same frame goes to every endpoint candidate: the far end answers one. */
export class Initiation {
  readonly localIndex: number;
  readonly #options: InitiationOptions;
  readonly #state: HandshakeState;
  readonly #frame: Uint8Array;
  readonly #key1: Uint8Array;
  readonly #ownKey1: Uint8Array;

  constructor(options: InitiationOptions) {
    this.localIndex = options.localIndex;
    this.#options = options;
    this.#key1 = mac1Key(options.remoteStatic);
    this.#ownKey1 = mac1Key(options.localStatic.publicKey);
    this.#state = new HandshakeState({
      pattern: IKPSK2,
      initiator: true,
      prologue: new TextEncoder().encode(PROLOGUE),
      localStatic: options.localStatic,
      localEphemeral: keyPair(options.ephemeral),
      remoteStatic: options.remoteStatic,
      psk: options.psk,
    });
    const payload = encodeInitiationPayload({
      timestamp: options.timestamp,
      minor: PROTOCOL_MINOR,
      caller: options.caller ?? "guest",
      ciphers: cipherOffer(options.hasAes),
      inviteId: options.inviteId ?? NO_INVITE,
    });
    const noise = this.#state.writeMessage(payload);
    this.#frame = encodeInitiation({ senderIndex: options.localIndex, noise });
    signFrame(this.#frame, this.#key1, undefined);
  }

  /** The datagram to send, with the cookie that counts for that endpoint. */
  datagram(cookie: Uint8Array | undefined): Uint8Array {
    const frame = this.#frame.slice();
    if (cookie) signFrame(frame, this.#key1, cookie);
    return frame;
  }

  /** The cookie in a reply to this initiation, or undefined where it is none. */
  readCookie(reply: Uint8Array): Uint8Array | undefined {
    try {
      return openCookie(reply, this.#options.remoteStatic, this.#frame);
    } catch (error) {
      if (error instanceof NoiseError) return undefined;
      throw error;
    }
  }

  /**
   * Undefined: not a valid response, and the handshake is spent where its mac1 was right (only somebody who knows
   * our public key and has seen our initiation can cause that; the next attempt is a fraction of a second away).
   */
  readResponse(datagram: Uint8Array): Answer | undefined {
    const frame = decodeResponse(datagram);
    if (!frame || this.#state.finished || !mac1Valid(datagram, this.#ownKey1)) return undefined;
    let payload: ResponsePayload;
    try {
      payload = decodeResponsePayload(this.#state.readMessage(frame.noise));
    } catch (error) {
      if (error instanceof NoiseError || error instanceof DecodeError) return undefined;
      throw error;
    }
    if (payload.status !== "ok" && payload.status !== "pending-approval") return { payload, keys: undefined };
    const cipher = cipherByNumber(payload.cipher);
    if (!cipher) return undefined;
    const { send, receive } = this.#state.split();
    const { localIndex } = this;
    return {
      payload,
      keys: { cipher, sendKey: send, receiveKey: receive, localIndex, remoteIndex: frame.senderIndex },
    };
  }
}
