import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import { encodeMeet } from "#wire/meet.ts";
import { Retry } from "./retry.ts";

/** A welcome is worth asking for again after this: cookies are valid for two minutes at least. */
const WELCOME_LIFETIME = 110_000;
const HELLO_FIRST = 250;
const HELLO_LAST = 30_000;
/** Unanswered greetings before the next address of the meeting point is tried. */
const HELLOS_EACH = 2;

export interface Welcome {
  readonly publicKey: Uint8Array;
  readonly cookie: Uint8Array;
  readonly observed: Endpoint;
  readonly at: number;
}

/**
 * A client's acquaintance with its meeting point: greets it, at the next of its addresses where nobody answers, and
 * again before the welcome grows too old. `busy`: there is something to say to it.
 */
export class WelcomeKeeper {
  readonly #hello = new Retry(HELLO_FIRST, HELLO_LAST);
  #servers: readonly Endpoint[] = [];
  #current = 0;
  #welcome: Welcome | undefined;
  #nonce: Uint8Array | undefined;
  #unanswered = 0;

  /** undefined: nobody answers yet. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }
  /** The address that is tried, or that answers. */
  get server(): Endpoint | undefined {
    return this.#servers[this.#current];
  }
  /** Of the greeting that is unanswered. */
  get nonce(): Uint8Array | undefined {
    return this.#nonce;
  }
  /** Greetings in a row that nobody answered. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** The one to try first first. False: they are the same. */
  setServers(servers: readonly Endpoint[]): boolean {
    const same =
      servers.length === this.#servers.length &&
      servers.every((server, i) => sameEndpoint(server, this.#servers[i]!));
    if (same) return false;
    this.#servers = servers;
    this.#current = 0;
    return true;
  }

  startOver(): void {
    this.#current = 0;
  }

  /** Returns whether there was one. */
  forget(): boolean {
    const had = this.#welcome !== undefined;
    this.#welcome = undefined;
    this.#unanswered = 0;
    this.#hello.stop();
    return had;
  }

  /** Returns whether it is another meeting point's than before. */
  handleWelcome(publicKey: Uint8Array): boolean {
    this.#nonce = undefined;
    this.#hello.stop();
    this.#unanswered = 0;
    return !this.#welcome || this.#welcome.publicKey.toHex() !== publicKey.toHex();
  }

  /** Returns our address as it is seen from there, where that is news of the transport socket. */
  note(welcome: Welcome): Endpoint | undefined {
    const before = this.#welcome?.observed;
    this.#welcome = welcome;
    if (this.server?.stream !== undefined) return undefined; // of a TCP connection: no mapping of the transport socket
    const { observed } = welcome;
    return before && sameEndpoint(before, observed) ? undefined : observed;
  }

  /** Infinity: never. */
  pollTimeout(busy: boolean): number {
    const wanted = this.#servers.length > 0 && (!this.#welcome || this.#nonce !== undefined) && busy;
    return Math.min(wanted ? this.#hello.at : Infinity, this.#staleAt(busy));
  }

  /** Is the welcome too old to go on with, and has nothing been done about it? */
  isStale(now: number, busy: boolean): boolean {
    return now >= this.#staleAt(busy);
  }

  /** Is a greeting to be sent, or sent again? */
  isDue(now: number, busy: boolean): boolean {
    if (this.#servers.length === 0) return false;
    if (!this.#welcome) {
      if (!busy) return false;
      if (this.#hello.at === Infinity) this.#hello.start(now);
    }
    return this.#hello.due(now);
  }

  /** The greeting to send to `server`. `nonce`: 8 random bytes; `random`: 0 up to 1. */
  greet(now: number, nonce: Uint8Array, random: number): Uint8Array {
    if (this.#unanswered > 0 && this.#unanswered % HELLOS_EACH === 0)
      this.#current = (this.#current + 1) % this.#servers.length;
    this.#unanswered++;
    this.#nonce = nonce;
    this.#hello.again(now, random);
    return encodeMeet({ kind: "hello", nonce });
  }

  #staleAt(busy: boolean): number {
    return this.#welcome && this.#nonce === undefined && busy
      ? this.#welcome.at + WELCOME_LIFETIME
      : Infinity;
  }
}
