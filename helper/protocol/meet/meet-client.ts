import type { KeyPair } from "#noise/x25519.ts";
import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import type { Entropy } from "#ports/entropy.ts";
import { DecodeError } from "#wire/cursor.ts";
import { decodeMeet } from "#wire/meet.ts";
import { CALL_ID_LENGTH, NO_MAC, type MeetMessage, type MeetOf } from "#wire/meet-message.ts";
import { ClientLegs } from "./client-legs.ts";
import { GuestCall, type CallFailure } from "./guest-call.ts";
import { HostPlaceKeeper } from "./host-place-keeper.ts";
import type { MeetClientCommand, MeetClientEvent } from "./meet-client-command.ts";
import { meetId } from "./meet-keys.ts";
import { WelcomeKeeper, type Welcome } from "./welcome-keeper.ts";

export const MAX_CALLS = 32;
/** Answers that are sent again where their call is repeated. */
const ANSWERS_KEPT = 64;

export interface MeetClientOptions {
  readonly local: KeyPair;
  readonly entropy: Entropy;
  /** Wall ms: stamps of a host's place grow with it. */
  readonly wallMs: (now: number) => number;
}

/** This computer at one meeting point: its place as a host, its calls as a guest, and its ends of relayed pairs. */
export class MeetClient {
  readonly #options: MeetClientOptions;
  readonly #meeting = new WelcomeKeeper();
  readonly #place: HostPlaceKeeper;
  readonly #calls = new Map<string, GuestCall>(); // by call id, hexadecimal
  readonly #legs: ClientLegs;
  readonly #commands: MeetClientCommand[] = [];
  readonly #answers = new Map<string, Uint8Array>(); // sent, by call id, so that a repeated call costs nothing

  constructor(options: MeetClientOptions) {
    this.#options = options;
    this.#place = new HostPlaceKeeper(options.local);
    this.#legs = new ClientLegs(options.entropy, (command) => this.#commands.push(command));
  }

  /** undefined: nobody answers yet. */
  get welcome(): Welcome | undefined {
    return this.#meeting.welcome;
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
    return this.#meeting.unanswered;
  }

  nextCommand(): MeetClientCommand | undefined {
    return this.#commands.shift();
  }

  /** The meeting point's addresses, the one to try first first. What was said to others of them is void. */
  setServers(servers: readonly Endpoint[], now: number): void {
    if (this.#meeting.setServers(servers)) this.#forgetWelcome(now);
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
    this.#legs.remove(callId);
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
    this.#meeting.startOver();
    this.#forgetWelcome(now);
    this.#legs.handleNetworkChanged(now);
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
        ? this.#legs.handleStatus(message, data, from, now)
        : this.#handle(message, data, from, now);
    if (understood) this.#advance(now);
    return understood;
  }

  pollTimeout(): number | undefined {
    let earliest = Math.min(this.#meeting.pollTimeout(this.#busy()), this.#legs.pollTimeout());
    for (const call of this.#calls.values()) earliest = Math.min(earliest, call.endsAt);
    if (this.#meeting.welcome) {
      const calls = [...this.#calls.values()].map((call) => call.pollTimeout());
      earliest = Math.min(earliest, this.#place.pollTimeout(), ...calls);
    }
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    for (const [id, call] of this.#calls) if (call.endsAt <= now) this.#fail(id, "unreachable");
    if (this.#place.isLost(now)) this.#forgetWelcome(now); // whoever is there does not know us, or nobody is there
    if (this.#meeting.isStale(now, this.#busy())) this.#ask(now);
    this.#advance(now);
    this.#legs.handleTimeout(now);
  }

  #handle(message: MeetMessage, data: Uint8Array, from: Endpoint, now: number): boolean {
    const { server } = this.#meeting;
    if (!server || !sameEndpoint(from, server)) return false;
    switch (message.kind) {
      case "welcome":
        return this.#welcomed(message, now);
      case "registered": {
        const was = this.#place.registered;
        if (!this.#place.handleRegistered(message, data, now)) return false;
        this.#note({
          ...this.#meeting.welcome!,
          cookie: message.cookie,
          observed: message.observed,
          at: now,
        });
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
      this.#meeting.nonce,
      this.#place.nonce,
      ...[...this.#calls.values()].map((call) => call.nonce),
    ];
    if (!asked.some((known) => known?.toHex() === nonce)) return false;
    const { publicKey, cookie, observed } = message;
    const renewed = this.#meeting.handleWelcome(publicKey);
    this.#note({ publicKey, cookie, observed, at: now });
    this.#place.handleWelcome(publicKey, now);
    for (const call of this.#calls.values()) call.handleWelcome(now);
    if (renewed) this.#event({ type: "changed" });
    return true;
  }

  #note(welcome: Welcome): void {
    const endpoint = this.#meeting.note(welcome);
    if (endpoint) this.#event({ type: "observed", endpoint });
  }

  #relay(message: MeetOf<"relay">, data: Uint8Array, now: number): boolean {
    const callId = message.callId.toHex();
    const call = this.#calls.get(callId);
    const server = this.#meeting.server!;
    const asGuest = call !== undefined && message.mac.toHex() === NO_MAC.toHex();
    if (!asGuest && !this.#place.isOurs(data)) return false;
    if (asGuest && !call.handleRelay()) return false;
    const at = server.stream === undefined ? { address: server.address, port: message.port } : server;
    return this.#legs.add(callId, asGuest, at, message.token, now);
  }

  /** Says what is due to a meeting point that has greeted us, or greets one. */
  #advance(now: number): void {
    if (this.#meeting.isDue(now, this.#busy())) this.#ask(now);
    const { welcome } = this.#meeting;
    if (!welcome) return;
    const { cookie, publicKey } = welcome;
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
    this.#send(this.#meeting.greet(now, this.#nonce(), this.#random()));
    if (this.#meeting.unanswered === 4) this.#event({ type: "changed" });
  }

  #busy(): boolean {
    return this.#place.wanted || this.#calls.size > 0;
  }

  #forgetWelcome(now: number): void {
    const had = this.#meeting.forget();
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
    const to = this.#meeting.server;
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
