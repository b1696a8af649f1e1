import { NoiseError } from "#noise/noise-error.ts";
import type { KeyPair } from "#noise/x25519.ts";
import { encodeMeet } from "#wire/meet.ts";
import type { MeetOf } from "#wire/meet-message.ts";
import { hostMeetKey, meetId, meetMacValid, signMeet } from "./meet-keys.ts";
import { Retry } from "./retry.ts";

/** The place is renewed this often, well before it ends; it also keeps the hole in our router open. */
const RENEW = 10_000;
const REGISTER_FIRST = 300;
const REGISTER_LAST = 5_000;
/** Renewals without an answer: the meeting point has restarted elsewhere, or our way to it is gone. */
const MAX_UNANSWERED = 4;

/** This computer's place as a host at a meeting point: taken, renewed, and taken again. */
export class HostPlaceKeeper {
  readonly #local: KeyPair;
  readonly #id: Uint8Array;
  readonly #retry = new Retry(REGISTER_FIRST, REGISTER_LAST);
  #key: { readonly of: string; readonly key: Uint8Array } | undefined;
  #wanted = false;
  #registered = false;
  #nonce: Uint8Array | undefined;
  #stamp = 0;

  constructor(local: KeyPair) {
    this.#local = local;
    this.#id = meetId(local.publicKey);
  }

  get wanted(): boolean {
    return this.#wanted;
  }
  get registered(): boolean {
    return this.#registered;
  }
  /** Of what was said last. */
  get nonce(): Uint8Array | undefined {
    return this.#nonce;
  }

  want(on: boolean, now: number): void {
    this.#wanted = on;
    if (on) this.#retry.start(now);
    else this.handleGone();
  }

  /** The meeting point is not where it was, or we are not. */
  handleGone(): void {
    this.#registered = false;
    this.#nonce = undefined;
    this.#retry.stop();
  }

  handleWelcome(publicKey: Uint8Array, now: number): void {
    if (!this.#wanted) return;
    if (this.#key?.of !== publicKey.toHex()) this.#registered = false;
    this.#retry.start(now);
  }

  handleRegistered(message: MeetOf<"registered">, data: Uint8Array, now: number): boolean {
    if (!this.#nonce || this.#nonce.toHex() !== message.nonce.toHex() || !this.isOurs(data)) return false;
    this.#registered = true;
    this.#nonce = undefined;
    this.#retry.start(now + RENEW);
    return true;
  }

  /** Did the meeting point that we registered at send it? */
  isOurs(data: Uint8Array): boolean {
    return this.#wanted && this.#key !== undefined && meetMacValid(data, this.#key.key);
  }

  /** True: nobody has answered for so long that it is worth to greet anew. */
  isLost(now: number): boolean {
    return this.#wanted && this.#retry.due(now) && this.#retry.tries >= MAX_UNANSWERED;
  }

  pollTimeout(): number {
    return this.#wanted ? this.#retry.at : Infinity;
  }

  /** The registration to send now. */
  handleTimeout(
    now: number,
    random: number,
    nonce: Uint8Array,
    server: { readonly cookie: Uint8Array; readonly publicKey: Uint8Array; readonly stamp: number },
  ): Uint8Array | undefined {
    if (!this.#wanted || !this.#retry.due(now)) return undefined;
    const key = this.#keyWith(server.publicKey);
    if (!key) {
      this.#retry.stop(); // no key that anybody could have: there is nothing to say to it
      return undefined;
    }
    this.#retry.again(now, random);
    this.#nonce = nonce;
    this.#stamp = Math.max(server.stamp, this.#stamp + 1);
    const { cookie } = server;
    const mac = new Uint8Array(16);
    const id = this.#id;
    return signMeet(encodeMeet({ kind: "register", nonce, cookie, id, stamp: this.#stamp, mac }), key);
  }

  /** A call's answer; undefined: we have no place. */
  answer(callId: Uint8Array, payload: Uint8Array, nonce: Uint8Array): Uint8Array | undefined {
    if (!this.#key || !this.#wanted) return undefined;
    const mac = new Uint8Array(16);
    const answer = encodeMeet({ kind: "answer", nonce, id: this.#id, callId, payload, mac });
    return signMeet(answer, this.#key.key);
  }

  #keyWith(publicKey: Uint8Array): Uint8Array | undefined {
    const of = publicKey.toHex();
    if (this.#key?.of === of) return this.#key.key;
    try {
      this.#key = { of, key: hostMeetKey(this.#local, publicKey) };
      return this.#key.key;
    } catch (error) {
      if (error instanceof NoiseError) return undefined;
      throw error;
    }
  }
}
