import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import { COOKIE_SECRET_LIFETIME, MAX_ENDPOINTS } from "./constants.ts";
import { CookieJar } from "./cookie-jar.ts";
import { Dialer, type Dial } from "./dialer.ts";
import { Initiation, type Answer } from "./initiation.ts";
import type { SessionOptions } from "./session-types.ts";

/** Late answers to earlier attempts still count: a path may take longer than a retry. */
const MAX_OPEN = 6;

export interface Datagram {
  readonly to: Endpoint;
  readonly data: Uint8Array;
}

/** Our side of the handshakes with one peer: attempts, their retries, cookies, and the answers. */
export class Handshaker {
  readonly dialer: Dialer;
  #options: SessionOptions;
  readonly #cookies = new CookieJar(COOKIE_SECRET_LIFETIME, MAX_ENDPOINTS);
  #open: Initiation[] = []; // oldest first
  /** Where the last handshake beside the dialer's went. */
  #called: readonly Endpoint[] = [];

  constructor(options: SessionOptions) {
    this.#options = options;
    this.dialer = new Dialer(options.candidates);
  }

  /** For the attempts from now on. */
  setPsk(psk: Uint8Array): void {
    this.#options = { ...this.#options, psk };
  }

  /** Stops, and gives up what is unanswered. */
  stop(): void {
    this.dialer.stop();
    this.#drop(this.#open.length);
  }

  /** Cookies count for the address that we had. */
  handleNetworkChanged(now: number): void {
    this.#cookies.clear();
    if (this.dialer.dialing) this.dialer.restart(now);
  }

  /** Datagrams to send now. `rtt`: ms, 0 where it is not known. */
  handleTimeout(now: number, rtt: number): Datagram[] {
    const due = this.dialer.pollTimeout();
    if (due === undefined || due > now) return [];
    const random = this.#options.entropy.bytes(1)[0]! / 256;
    return this.dialer.handleTimeout(now, random, rtt).flatMap((dial) => this.#dial(dial, now) ?? []);
  }

  /** A fresh handshake to those endpoints alone, beside what the dialer does. */
  call(endpoints: readonly Endpoint[], now: number): Datagram[] {
    this.#called = endpoints;
    return endpoints.flatMap((to, i) => this.#dial({ fresh: i === 0, to }, now) ?? []);
  }

  #dial(dial: Dial, now: number): Datagram | undefined {
    if (dial.fresh) this.#begin(now);
    const data = this.#open.at(-1)?.datagram(this.#cookies.get(dial.to, now));
    return data && { to: dial.to, data };
  }

  #begin(now: number): void {
    const { localStatic, remoteStatic, psk, inviteId, caller, hasAes } = this.#options;
    const { entropy, clock, takeIndex } = this.#options;
    if (this.#open.length >= MAX_OPEN) this.#drop(1);
    const localIndex = takeIndex();
    if (localIndex === undefined) return; // the table is full: the next attempt may find room
    const ephemeral = entropy.bytes(32);
    const timestamp = clock.next(now);
    const own = { localStatic, hasAes, localIndex, ephemeral, timestamp };
    this.#open.push(new Initiation({ ...own, remoteStatic, psk, inviteId, caller }));
  }

  /** The initiation once more, with the cookie, where it is the first one from there. */
  handleCookieReply(data: Uint8Array, from: Endpoint, now: number): Datagram | undefined {
    // Nobody but its far end speaks in a stream.
    const asked = [...this.dialer.endpoints(), ...this.#called];
    const known = from.stream !== undefined || asked.some((to) => sameEndpoint(to, from));
    if (!known) return undefined;
    for (const initiation of this.#open) {
      const cookie = initiation.readCookie(data);
      if (!cookie) continue;
      const first = this.#cookies.get(from, now) === undefined;
      this.#cookies.put(from, cookie, now);
      // At once, because whoever asks for a cookie has not worked on the initiation; later ones as the dialer says.
      return first ? { to: from, data: initiation.datagram(cookie) } : undefined;
    }
    return undefined;
  }

  /** Undefined: not valid. With keys in it, its index belongs to the caller from now on. */
  handleResponse(data: Uint8Array, receiverIndex: number): Answer | undefined {
    const at = this.#open.findIndex((initiation) => initiation.localIndex === receiverIndex);
    const answer = this.#open[at]?.readResponse(data);
    if (!answer) return undefined;
    this.#drop(at);
    // Newer attempts stay open: the responder may have taken one after this, and then its keys are the newest.
    if (answer.keys) this.#open.shift();
    else this.#drop(this.#open.length);
    this.dialer.stop();
    return answer;
  }

  #drop(count: number): void {
    for (const initiation of this.#open.splice(0, count)) this.#options.releaseIndex(initiation.localIndex);
  }
}
