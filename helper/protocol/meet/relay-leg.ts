import type { Endpoint } from "#ports/endpoint.ts";
import { encodeMeet } from "#wire/meet.ts";
import { NO_COOKIE, type MeetOf } from "#wire/meet-message.ts";
import { meetMacValid } from "./meet-keys.ts";
import { Retry } from "./retry.ts";

/** A bound end says so again, which also keeps the hole in our router open. */
const REBIND = 10_000;
const BIND_FIRST = 200;
const BIND_LAST = 3_000;
/** Unanswered in a row: the meeting point has gone, or forgotten us. */
const MAX_UNANSWERED = 5;

export type LegState = "binding" | "bound" | "gone";

/** Our end of a relayed pair, on the client's side: shows its token, and that it gets mail here. */
export class RelayLeg {
  readonly at: Endpoint;
  readonly #token: Uint8Array;
  readonly #retry = new Retry(BIND_FIRST, BIND_LAST);
  #cookie: Uint8Array = NO_COOKIE;
  #state: LegState = "binding";
  #nonce: Uint8Array | undefined;

  constructor(at: Endpoint, token: Uint8Array, now: number) {
    this.at = at;
    this.#token = token;
    this.#retry.start(now);
  }

  get state(): LegState {
    return this.#state;
  }

  pollTimeout(): number {
    return this.#state === "gone" ? Infinity : this.#retry.at;
  }

  /** The bind to send now. `nonce`: 8 random bytes. */
  handleTimeout(now: number, random: number, nonce: Uint8Array): Uint8Array | undefined {
    if (!this.#retry.due(now) || this.#state === "gone") return undefined;
    if (this.#retry.tries >= MAX_UNANSWERED) {
      this.#state = "gone";
      return undefined;
    }
    this.#retry.again(now, random);
    return this.#bind(nonce);
  }

  /** Our address may be another one. */
  handleNetworkChanged(now: number): void {
    if (this.#state !== "gone") this.#retry.start(now);
  }

  /** Undefined: not for us, or not valid. Otherwise what to send at once, if anything. */
  handleStatus(
    message: MeetOf<"bind-status">,
    data: Uint8Array,
    now: number,
    nonce: Uint8Array,
  ): { readonly send: Uint8Array | undefined } | undefined {
    if (!this.#nonce || this.#nonce.toHex() !== message.nonce.toHex()) return undefined;
    if (!meetMacValid(data, this.#token)) return undefined;
    this.#nonce = undefined;
    if (message.status === "gone") {
      this.#state = "gone";
      return { send: undefined };
    }
    this.#cookie = message.cookie;
    if (message.status === "prove") return { send: this.#bind(nonce) };
    this.#state = "bound";
    this.#retry.start(now + REBIND);
    return { send: undefined };
  }

  #bind(nonce: Uint8Array): Uint8Array {
    this.#nonce = nonce;
    return encodeMeet({ kind: "bind", nonce, token: this.#token, cookie: this.#cookie });
  }
}
