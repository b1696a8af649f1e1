import { encodeMeet } from "#wire/meet.ts";
import { Retry } from "./retry.ts";

export type CallFailure = "not-here" | "refused" | "unreachable";

const CALL_FIRST = 250;
const CALL_LAST = 1_000;
/** A call that was not answered is over after this; one that was stays for as long as its user wants it. */
const CALL_PATIENCE = 20_000;

/** One call of a guest, until its host has answered; then its wish for a relay. */
export class GuestCall {
  readonly #id: Uint8Array;
  readonly #callId: Uint8Array;
  readonly #retry = new Retry(CALL_FIRST, CALL_LAST);
  #payload: Uint8Array | undefined;
  #asked = false;
  #answered = false;
  #relay: "unwanted" | "wanted" | "given" = "unwanted";
  #endsAt: number;
  #nonce: Uint8Array | undefined;

  constructor(id: Uint8Array, callId: Uint8Array, now: number) {
    this.#id = id;
    this.#callId = callId;
    this.#endsAt = now + CALL_PATIENCE;
  }

  /** Infinity: it has been answered. */
  get endsAt(): number {
    return this.#endsAt;
  }

  /** Of what was said last. */
  get nonce(): Uint8Array | undefined {
    return this.#nonce;
  }

  isNonce(nonce: Uint8Array): boolean {
    return this.#nonce?.toHex() === nonce.toHex();
  }

  /** True once: the payload has to be made now. */
  wantsPayload(): boolean {
    const wants = !this.#asked;
    this.#asked = true;
    return wants;
  }

  setPayload(payload: Uint8Array, now: number): void {
    this.#payload = payload;
    this.#retry.start(now);
  }

  requestRelay(now: number): void {
    if (this.#relay !== "unwanted") return;
    this.#relay = "wanted";
    if (this.#answered) this.#retry.start(now);
  }

  /** The cookie is another one. */
  handleWelcome(now: number): void {
    if (this.#payload && this.#retry.at !== Infinity) this.#retry.start(now);
  }

  /** False: nobody asked. */
  handleAnswered(now: number): boolean {
    if (!this.#payload) return false;
    if (this.#answered) return true;
    this.#answered = true;
    this.#endsAt = Infinity;
    if (this.#relay === "wanted") this.#retry.start(now);
    else this.#retry.stop();
    return true;
  }

  handleRelay(): boolean {
    if (this.#relay === "unwanted") return false;
    this.#relay = "given";
    this.#retry.stop();
    return true;
  }

  pollTimeout(): number {
    return this.#payload ? this.#retry.at : Infinity;
  }

  /** What to say now. */
  handleTimeout(now: number, random: number, nonce: Uint8Array, cookie: Uint8Array): Uint8Array | undefined {
    if (!this.#payload || !this.#retry.due(now)) return undefined;
    this.#retry.again(now, random);
    this.#nonce = nonce;
    const callId = this.#callId;
    if (this.#answered) return encodeMeet({ kind: "relay-ask", nonce, cookie, callId });
    return encodeMeet({ kind: "call", nonce, cookie, id: this.#id, callId, payload: this.#payload });
  }
}
