import type { KeyPair } from "#noise/x25519.ts";
import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import type { Entropy } from "#ports/entropy.ts";
import { DecodeError } from "#wire/cursor.ts";
import { decodeMeet, encodeMeet } from "#wire/meet.ts";
import { CALL_ID_LENGTH, NO_MAC, type MeetMessage, type MeetOf } from "#wire/meet-message.ts";
import { GuestCall, type CallFailure } from "./guest-call.ts";
import { HostPlaceKeeper } from "./host-place-keeper.ts";
import { meetId } from "./meet-keys.ts";
import { RelayLeg } from "./relay-leg.ts";
import { Retry } from "./retry.ts";

export const MAX_CALLS = 32;
/** Relayed pairs of this computer, as host and as guest. */
export const MAX_LEGS = 64;
/** A welcome is worth asking for again after this: cookies are valid for two minutes at least. */
const WELCOME_LIFETIME = 110_000;
const HELLO_FIRST = 250;
const HELLO_LAST = 30_000;
/** Unanswered greetings before the next address of the meeting point is tried. */
const HELLOS_EACH = 2;
/** Answers that are sent again where their call is repeated. */
const ANSWERS_KEPT = 64;

export interface MeetClientOptions {
  readonly local: KeyPair;
  readonly entropy: Entropy;
  /** Wall ms: stamps of a host's place grow with it. */
  readonly wallMs: (now: number) => number;
}

export type MeetClientEvent =
  | { readonly type: "changed" }
  | { readonly type: "observed"; readonly endpoint: Endpoint | undefined }
  | { readonly type: "called"; readonly callId: Uint8Array; readonly payload: Uint8Array }
  /** The call is about to be made: `setPayload` it. */
  | { readonly type: "payload-wanted"; readonly callId: string }
  | { readonly type: "answered"; readonly callId: string; readonly payload: Uint8Array }
  | { readonly type: "relay"; readonly callId: string; readonly endpoint: Endpoint }
  | { readonly type: "relay-lost"; readonly endpoint: Endpoint }
  | { readonly type: "failed"; readonly callId: string; readonly reason: CallFailure }
  /** As host: a guest comes by way of this endpoint. */
  | { readonly type: "relayed"; readonly endpoint: Endpoint };

export type MeetClientCommand =
  | { readonly type: "send"; readonly to: Endpoint; readonly data: Uint8Array }
  | { readonly type: "event"; readonly event: MeetClientEvent };

export interface Welcome {
  readonly publicKey: Uint8Array;
  readonly cookie: Uint8Array;
  readonly observed: Endpoint;
  readonly at: number;
}

interface HeldLeg {
  readonly leg: RelayLeg;
  /** The call that it belongs to; undefined: we are the host. */
  readonly callId: string | undefined;
  told: boolean;
}

/** This computer at one meeting point: its place as a host, its calls as a guest, and its ends of relayed pairs. */
export class MeetClient {
  readonly #options: MeetClientOptions;
  readonly #place: HostPlaceKeeper;
  readonly #calls = new Map<string, GuestCall>(); // by call id, hexadecimal
  readonly #legs = new Map<string, HeldLeg>(); // by call id, hexadecimal
  readonly #commands: MeetClientCommand[] = [];
  readonly #hello = new Retry(HELLO_FIRST, HELLO_LAST);
  readonly #answers = new Map<string, Uint8Array>(); // sent, by call id, so that a repeated call costs nothing
  #servers: readonly Endpoint[] = [];
  #current = 0;
  #welcome: Welcome | undefined;
  #helloNonce: Uint8Array | undefined;
  #unanswered = 0;

  constructor(options: MeetClientOptions) {
    this.#options = options;
    this.#place = new HostPlaceKeeper(options.local);
  }

  /** undefined: nobody answers yet. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }
  get hosting(): boolean {
    return this.#place.wanted;
  }
  /** Others can call us. */
  get registered(): boolean {
    return this.#place.registered;
  }
  get calls(): number {
    return this.#calls.size;
  }
  get legs(): number {
    return this.#legs.size;
  }
  /** Greetings in a row that nobody answered. */
  get unanswered(): number {
    return this.#unanswered;
  }

  nextCommand(): MeetClientCommand | undefined {
    return this.#commands.shift();
  }

  /** The meeting point's addresses, the one to try first first. What was said to others of them is void. */
  setServers(servers: readonly Endpoint[], now: number): void {
    const same =
      servers.length === this.#servers.length &&
      servers.every((server, i) => sameEndpoint(server, this.#servers[i]!));
    if (same) return;
    this.#servers = servers;
    this.#current = 0;
    this.#forgetWelcome(now);
  }

  host(on: boolean, now: number): void {
    if (on === this.#place.wanted) return;
    this.#place.want(on, now);
    this.#event({ type: "changed" });
    this.#advance(now);
  }

  /** The call's id, hexadecimal; undefined: as many as there may be are under way. Throws NoiseError. */
  call(hostPublicKey: Uint8Array, now: number): string | undefined {
    if (this.#calls.size >= MAX_CALLS) return undefined;
    const callId = this.#options.entropy.bytes(CALL_ID_LENGTH);
    const key = callId.toHex();
    this.#calls.set(key, new GuestCall(meetId(hostPublicKey), callId, now));
    this.#advance(now);
    return key;
  }

  setPayload(callId: string, payload: Uint8Array, now: number): void {
    this.#calls.get(callId)?.setPayload(payload, now);
    this.#advance(now);
  }

  requestRelay(callId: string, now: number): void {
    this.#calls.get(callId)?.requestRelay(now);
    this.#advance(now);
  }

  /** Neither the call nor its relay is used any more. */
  end(callId: string): void {
    this.#calls.delete(callId);
    this.#legs.delete(callId);
  }

  /** As host. */
  answer(callId: Uint8Array, payload: Uint8Array): void {
    const data = this.#place.answer(callId, payload, this.#nonce());
    if (!data) return;
    if (this.#answers.size >= ANSWERS_KEPT) this.#answers.delete(this.#answers.keys().next().value!);
    this.#answers.set(callId.toHex(), data);
    this.#send(data);
  }

  /** Mappings of our router, and cookies for our address, are void. */
  handleNetworkChanged(now: number): void {
    this.#current = 0;
    this.#forgetWelcome(now);
    for (const { leg } of this.#legs.values()) leg.handleNetworkChanged(now);
    this.#advance(now);
  }

  /** Never throws for what somebody sent. False: it was not understood, or is not from where it should be. */
  handleMessage(data: Uint8Array, from: Endpoint, now: number): boolean {
    let message: MeetMessage;
    try {
      message = decodeMeet(data);
    } catch (error) {
      if (error instanceof DecodeError) return false;
      throw error;
    }
    const understood =
      message.kind === "bind-status"
        ? this.#bindStatus(message, data, from, now)
        : this.#handle(message, data, from, now);
    if (understood) this.#advance(now);
    return understood;
  }

  pollTimeout(): number | undefined {
    let earliest = this.#wantsWelcome() ? this.#hello.at : Infinity;
    if (this.#welcome) {
      const calls = [...this.#calls.values()].map((call) => call.pollTimeout());
      earliest = Math.min(earliest, this.#place.pollTimeout(), ...calls);
      earliest = Math.min(earliest, this.#staleAt());
    }
    for (const call of this.#calls.values()) earliest = Math.min(earliest, call.endsAt);
    for (const { leg } of this.#legs.values()) earliest = Math.min(earliest, leg.pollTimeout());
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    for (const [id, call] of this.#calls) if (call.endsAt <= now) this.#fail(id, "unreachable");
    if (this.#place.isLost(now)) this.#forgetWelcome(now); // whoever is there does not know us, or nobody is there
    if (now >= this.#staleAt()) this.#ask(now);
    this.#advance(now);
    for (const [callId, held] of this.#legs) {
      const bind = held.leg.handleTimeout(now, this.#random(), this.#nonce());
      if (bind) this.#commands.push({ type: "send", to: held.leg.at, data: bind });
      if (held.leg.state === "gone") this.#dropLeg(callId, held);
    }
  }

  #handle(message: MeetMessage, data: Uint8Array, from: Endpoint, now: number): boolean {
    const server = this.#servers[this.#current];
    if (!server || !sameEndpoint(from, server)) return false;
    switch (message.kind) {
      case "welcome":
        return this.#welcomed(message, now);
      case "registered": {
        const was = this.#place.registered;
        if (!this.#place.handleRegistered(message, data, now)) return false;
        this.#note({ ...this.#welcome!, cookie: message.cookie, observed: message.observed, at: now });
        if (!was) this.#event({ type: "changed" });
        return true;
      }
      case "incoming": {
        if (!this.#place.isOurs(data)) return false;
        const sent = this.#answers.get(message.callId.toHex());
        if (sent) this.#send(sent);
        else this.#event({ type: "called", callId: message.callId, payload: message.payload });
        return true;
      }
      case "answered": {
        const callId = message.callId.toHex();
        const call = this.#calls.get(callId);
        if (!call?.handleAnswered(now)) return false;
        this.#event({ type: "answered", callId, payload: message.payload });
        return true;
      }
      case "refused": {
        const callId = message.callId.toHex();
        const call = this.#calls.get(callId);
        if (!call?.isNonce(message.nonce)) return false;
        this.#fail(callId, message.reason === "not-here" ? "not-here" : "refused");
        return true;
      }
      case "relay":
        return this.#relay(message, data, now);
      default:
        return false;
    }
  }

  #welcomed(message: MeetOf<"welcome">, now: number): boolean {
    // An answer to a greeting, or to something that was said with a cookie that is not valid any more.
    const nonce = message.nonce.toHex();
    const asked = [
      this.#helloNonce,
      this.#place.nonce,
      ...[...this.#calls.values()].map((call) => call.nonce),
    ];
    if (!asked.some((known) => known?.toHex() === nonce)) return false;
    this.#helloNonce = undefined;
    this.#hello.stop();
    this.#unanswered = 0;
    const { publicKey, cookie, observed } = message;
    const renewed = !this.#welcome || this.#welcome.publicKey.toHex() !== publicKey.toHex();
    this.#note({ publicKey, cookie, observed, at: now });
    this.#place.handleWelcome(publicKey, now);
    for (const call of this.#calls.values()) call.handleWelcome(now);
    if (renewed) this.#event({ type: "changed" });
    return true;
  }

  #note(welcome: Welcome): void {
    const before = this.#welcome?.observed;
    this.#welcome = welcome;
    const { observed } = welcome;
    const server = this.#servers[this.#current];
    if (server?.stream !== undefined) return; // of a TCP connection: no mapping of the transport socket
    if (!before || !sameEndpoint(before, observed)) this.#event({ type: "observed", endpoint: observed });
  }

  #relay(message: MeetOf<"relay">, data: Uint8Array, now: number): boolean {
    const callId = message.callId.toHex();
    const call = this.#calls.get(callId);
    const server = this.#servers[this.#current]!;
    const asGuest = call !== undefined && message.mac.toHex() === NO_MAC.toHex();
    if (!asGuest && !this.#place.isOurs(data)) return false;
    if (asGuest && !call.handleRelay()) return false;
    if (this.#legs.has(callId)) return true;
    if (this.#legs.size >= MAX_LEGS) return false;
    const at = server.stream === undefined ? { address: server.address, port: message.port } : server;
    const leg = new RelayLeg(at, message.token, now);
    this.#legs.set(callId, { leg, callId: asGuest ? callId : undefined, told: false });
    const bind = leg.handleTimeout(now, this.#random(), this.#nonce());
    if (bind) this.#commands.push({ type: "send", to: at, data: bind });
    return true;
  }

  #bindStatus(message: MeetOf<"bind-status">, data: Uint8Array, from: Endpoint, now: number): boolean {
    for (const [callId, held] of this.#legs) {
      if (!sameEndpoint(held.leg.at, from)) continue;
      const result = held.leg.handleStatus(message, data, now, this.#nonce());
      if (!result) continue;
      if (result.send) this.#commands.push({ type: "send", to: from, data: result.send });
      if (held.leg.state === "gone") this.#dropLeg(callId, held);
      else if (held.leg.state === "bound" && !held.told) {
        held.told = true;
        if (held.callId === undefined) this.#event({ type: "relayed", endpoint: from });
        else this.#event({ type: "relay", callId: held.callId, endpoint: from });
      }
      return true;
    }
    return false;
  }

  #dropLeg(callId: string, held: HeldLeg): void {
    this.#legs.delete(callId);
    this.#event({ type: "relay-lost", endpoint: held.leg.at });
  }

  /** Says what is due to a meeting point that has greeted us, or greets one. */
  #advance(now: number): void {
    if (this.#servers.length === 0) return;
    if (!this.#welcome) {
      if (!this.#wantsWelcome()) return;
      if (this.#hello.at === Infinity) this.#hello.start(now);
      if (this.#hello.due(now)) this.#ask(now);
      return;
    }
    if (this.#hello.at !== Infinity && this.#hello.due(now)) this.#ask(now);
    const { cookie, publicKey } = this.#welcome;
    const stamp = Math.floor(this.#options.wallMs(now));
    const register = this.#place.handleTimeout(now, this.#random(), this.#nonce(), {
      cookie,
      publicKey,
      stamp,
    });
    if (register) this.#send(register);
    for (const [callId, call] of this.#calls) {
      if (call.wantsPayload()) this.#event({ type: "payload-wanted", callId });
      const message = call.handleTimeout(now, this.#random(), this.#nonce(), cookie);
      if (message) this.#send(message);
    }
  }

  #ask(now: number): void {
    if (this.#unanswered > 0 && this.#unanswered % HELLOS_EACH === 0)
      this.#current = (this.#current + 1) % this.#servers.length;
    this.#unanswered++;
    this.#helloNonce = this.#nonce();
    this.#hello.again(now, this.#random());
    this.#send(encodeMeet({ kind: "hello", nonce: this.#helloNonce }));
    if (this.#unanswered === 4) this.#event({ type: "changed" });
  }

  /** When the welcome is too old to go on with, and nothing has been done about it. */
  #staleAt(): number {
    const asks = this.#welcome !== undefined && this.#helloNonce === undefined && this.#busy();
    return asks ? this.#welcome!.at + WELCOME_LIFETIME : Infinity;
  }

  #busy(): boolean {
    return this.#place.wanted || this.#calls.size > 0;
  }

  #wantsWelcome(): boolean {
    return this.#servers.length > 0 && (!this.#welcome || this.#helloNonce !== undefined) && this.#busy();
  }

  #forgetWelcome(now: number): void {
    const had = this.#welcome;
    this.#welcome = undefined;
    this.#unanswered = 0;
    this.#hello.stop();
    this.#place.handleGone();
    if (had) this.#event({ type: "observed", endpoint: undefined });
    this.#event({ type: "changed" });
    this.#advance(now);
  }

  #fail(callId: string, reason: CallFailure): void {
    this.#calls.delete(callId);
    this.#event({ type: "failed", callId, reason });
  }

  #send(data: Uint8Array): void {
    const to = this.#servers[this.#current];
    if (to) this.#commands.push({ type: "send", to, data });
  }

  #event(event: MeetClientEvent): void {
    this.#commands.push({ type: "event", event });
  }

  #nonce(): Uint8Array {
    return this.#options.entropy.bytes(8);
  }

  #random(): number {
    return this.#options.entropy.bytes(1)[0]! / 256;
  }
}
