import type { Hello } from "#wire/control.ts";
import { RETRANSMIT_LAST, RETRY_FIRST } from "./constants.ts";

/** The exchange of hellos: repeated until the peer's is there; a new incarnation of the peer shows. */
export class Greeting {
  readonly #own: Omit<Hello, "type" | "wantsReply">;
  #peer: Hello | undefined;
  #complete = true;
  #tries = 0;
  #nextAt: number | undefined;

  constructor(own: Omit<Hello, "type" | "wantsReply">) {
    this.#own = own;
  }

  /** The last one that came, also of an earlier connection. */
  get peer(): Hello | undefined {
    return this.#peer;
  }

  pollTimeout(): number | undefined {
    return this.#nextAt;
  }

  /** The connection came up. The first hello is due at once. */
  start(now: number): void {
    this.#complete = false;
    this.#tries = 0;
    this.#nextAt = now;
  }

  stop(): void {
    this.#nextAt = undefined;
  }

  /** The hello to send now. */
  handleTimeout(now: number): Hello | undefined {
    if (this.#nextAt === undefined || now < this.#nextAt) return undefined;
    this.#nextAt = now + Math.min(RETRY_FIRST * 2 ** Math.min(this.#tries++, 8), RETRANSMIT_LAST);
    return this.#hello(true);
  }

  /**
   * `ready`: the peer says hello for the first time on this connection, or has started anew; everything that it was
   * told before has to be told again then.
   */
  handleHello(hello: Hello): {
    readonly reply: Hello | undefined;
    readonly ready: boolean;
    restarted: boolean;
  } {
    const restarted = this.#peer !== undefined && this.#peer.incarnation !== hello.incarnation;
    const ready = !this.#complete || restarted;
    this.#peer = hello;
    this.#complete = true;
    this.#nextAt = undefined;
    return { reply: hello.wantsReply ? this.#hello(false) : undefined, ready, restarted };
  }

  #hello(wantsReply: boolean): Hello {
    return { type: "hello", ...this.#own, wantsReply };
  }
}
