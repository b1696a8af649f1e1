import type { KeyPair } from "#noise/x25519.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Entropy } from "#ports/entropy.ts";
import { DecodeError } from "#wire/cursor.ts";
import { decodeMeet, encodeMeet } from "#wire/meet.ts";
import { FRAME_MEET, NO_NONCE, type MeetMessage, type MeetOf, type MeetRefusal } from "#wire/meet-message.ts";
import { AddressProof } from "./address-proof.ts";
import { HostPlaces } from "./host-places.ts";
import { CALL_LIFETIME, HOST_LIFETIME, type MeetLimits } from "./meet-limits.ts";
import { signMeet } from "./meet-keys.ts";
import { MeetRelays, type MeetCommand, type Passed } from "./meet-relays.ts";
import { Quota, SourceRates } from "./source-limits.ts";

export interface MeetServerOptions {
  /** Of this run alone: nobody has to remember it. */
  readonly keys: KeyPair;
  readonly entropy: Entropy;
  readonly limits: MeetLimits;
  /** UDP ports of relayed pairs: as many as `limits.pairs`, from this one on. */
  readonly firstRelayPort: number;
  readonly now: number;
}

interface Call {
  readonly id: string; // of the host
  readonly callId: Uint8Array;
  guest: Endpoint;
  endsAt: number;
}

export type MeetDrop = "malformed" | "too-many" | "bad-proof" | "unknown";

/**
 * A meeting point: hosts keep a place under an id that tells it nothing, guests call them, and what both seal for
 * each other is passed on. Where no direct path is found it relays, blindly. Nothing is worked on before the sender
 * has shown that it gets mail at its address, and no answer before that is longer than its question.
 */
export class MeetServer {
  readonly drops: Record<MeetDrop, number> = { malformed: 0, "too-many": 0, "bad-proof": 0, unknown: 0 };
  readonly places: HostPlaces;
  readonly relays: MeetRelays;
  readonly #options: MeetServerOptions;
  readonly #proof: AddressProof;
  readonly #rates = new SourceRates();
  readonly #callQuota: Quota;
  readonly #calls = new Map<string, Call>(); // by call id; in order of their beginning
  readonly #commands: MeetCommand[] = [];

  constructor(options: MeetServerOptions) {
    const { entropy, limits, firstRelayPort, now } = options;
    this.#options = options;
    this.#proof = new AddressProof(entropy.bytes(32), now);
    this.#callQuota = new Quota(limits.callsEach, limits.calls);
    this.places = new HostPlaces(options.keys, limits);
    this.relays = new MeetRelays({
      entropy,
      limits,
      firstPort: firstRelayPort,
      proof: this.#proof,
      now,
      push: (command) => void this.#commands.push(command),
      tellHost: (pair, hostId) => this.#tellHost(hostId, pair.callId, pair.port, pair.token("host")),
    });
  }

  get calls(): number {
    return this.#calls.size;
  }

  get sources(): number {
    return this.#rates.size;
  }

  nextCommand(): MeetCommand | undefined {
    return this.#commands.shift();
  }

  /** What came to the main port, or in a stream. Frames of a relayed stream are answered with where they go. */
  handleMessage(data: Uint8Array, from: Endpoint, now: number): Passed | undefined {
    if (data[0] !== FRAME_MEET && from.stream !== undefined) return this.relays.passStream(data, from, now);
    if (!this.#rates.admit(from.address, now)) return this.#drop("too-many");
    let message: MeetMessage;
    try {
      message = decodeMeet(data);
    } catch (error) {
      if (error instanceof DecodeError) return this.#drop("malformed");
      throw error;
    }
    switch (message.kind) {
      case "hello":
        return this.#welcome(message, from);
      case "register":
        return this.#register(message, data, from, now);
      case "call":
        return this.#call(message, from, now);
      case "answer":
        return this.#answer(message, data, from, now);
      case "relay-ask":
        return this.#relayAsk(message, from, now);
      case "bind":
        return this.relays.bind(message, from, undefined, now);
      default:
        return this.#drop("unknown");
    }
  }

  /** What came to the port of a relayed pair. The frame goes to where this says; undefined: nowhere. */
  handleRelayed(port: number, data: Uint8Array, from: Endpoint, now: number): Passed | undefined {
    if (data[0] !== FRAME_MEET) return this.relays.pass(port, data, from, now);
    if (!this.#rates.admit(from.address, now)) return this.#drop("too-many");
    try {
      const message = decodeMeet(data);
      if (message.kind === "bind") return this.relays.bind(message, from, port, now);
      return this.#drop("unknown");
    } catch (error) {
      if (error instanceof DecodeError) return this.#drop("malformed");
      throw error;
    }
  }

  /** A stream ended: it is nobody's place any more. */
  handleStreamClosed(stream: Endpoint): void {
    this.places.closed(stream);
    this.relays.closed(stream);
  }

  pollTimeout(): number {
    const oldest = this.#calls.values().next();
    return Math.min(
      this.#proof.rotateAt,
      oldest.done ? Infinity : oldest.value.endsAt,
      this.places.pollTimeout(),
      this.relays.pollTimeout(),
    );
  }

  handleTimeout(now: number): void {
    if (now >= this.#proof.rotateAt) this.#proof.rotate(this.#options.entropy.bytes(32), now);
    for (const [key, call] of this.#calls) {
      if (call.endsAt > now) break;
      this.#calls.delete(key);
      this.#callQuota.give(call.guest.address);
    }
    this.places.handleTimeout(now);
    this.relays.handleTimeout(now);
  }

  #welcome({ nonce }: { readonly nonce: Uint8Array }, from: Endpoint): undefined {
    const { publicKey } = this.#options.keys;
    const cookie = this.#proof.make(from);
    this.#send(from, encodeMeet({ kind: "welcome", nonce, publicKey, cookie, observed: from }));
  }

  /** Who cannot show a cookie of this run gets one, and our key, which may be another one now. */
  #proved(message: { readonly nonce: Uint8Array; readonly cookie: Uint8Array }, from: Endpoint): boolean {
    if (this.#proof.valid(message.cookie, from)) return true;
    this.#drop("bad-proof");
    this.#welcome(message, from);
    return false;
  }

  #register(message: MeetOf<"register">, data: Uint8Array, from: Endpoint, now: number): undefined {
    if (!this.#proved(message, from)) return;
    const result = this.places.register(message, data, from, now);
    if (result === "refused") return this.#drop("bad-proof");
    if (result === "full") return this.#refuse(message.nonce, new Uint8Array(16), "busy", from);
    const { nonce } = message;
    const cookie = this.#proof.make(from);
    const seconds = HOST_LIFETIME / 1000;
    const mac = new Uint8Array(16);
    const answer = encodeMeet({ kind: "registered", nonce, cookie, seconds, observed: from, mac });
    this.#send(from, signMeet(answer, result.key));
  }

  #call(message: MeetOf<"call">, from: Endpoint, now: number): undefined {
    if (!this.#proved(message, from)) return;
    const { id, callId, payload, nonce } = message;
    const host = this.places.get(id.toHex());
    if (!host) return this.#refuse(nonce, callId, "not-here", from);
    const key = callId.toHex();
    const known = this.#calls.get(key);
    // The call's number is the guest's secret: whoever has it from elsewhere is the guest at another address.
    if (known && known.id !== id.toHex()) return this.#drop("unknown");
    if (!known && !this.#callQuota.take(from.address)) return this.#refuse(nonce, callId, "busy", from);
    if (!host.rate.take(now)) {
      if (!known) this.#callQuota.give(from.address);
      return this.#refuse(nonce, callId, "busy", from);
    }
    if (known) {
      this.#calls.delete(key);
      this.#callQuota.give(known.guest.address);
      if (!this.#callQuota.take(from.address)) return;
    }
    this.#calls.set(key, { id: id.toHex(), callId, guest: from, endsAt: now + CALL_LIFETIME });
    const mac = new Uint8Array(16);
    const incoming = encodeMeet({ kind: "incoming", nonce: NO_NONCE, callId, payload, mac });
    this.#send(host.endpoint, signMeet(incoming, host.key));
  }

  #answer(message: MeetOf<"answer">, data: Uint8Array, from: Endpoint, now: number): undefined {
    if (!this.places.isFrom(message.id.toHex(), data, from)) return this.#drop("bad-proof");
    const call = this.#calls.get(message.callId.toHex());
    if (!call || call.id !== message.id.toHex() || call.endsAt <= now) return this.#drop("unknown");
    const { callId, payload } = message;
    this.#send(call.guest, encodeMeet({ kind: "answered", nonce: NO_NONCE, callId, payload }));
  }

  #relayAsk(message: MeetOf<"relay-ask">, from: Endpoint, now: number): undefined {
    if (!this.#proved(message, from)) return;
    const call = this.#calls.get(message.callId.toHex());
    if (!call) return this.#refuse(message.nonce, message.callId, "gone", from);
    if (this.relays.open(call.callId, call.id, from, now) === "full")
      this.#refuse(message.nonce, message.callId, "busy", from);
  }

  #tellHost(hostId: string, callId: Uint8Array, port: number, token: Uint8Array): void {
    const host = this.places.get(hostId);
    if (!host) return;
    const mac = new Uint8Array(16);
    const relay = encodeMeet({ kind: "relay", nonce: NO_NONCE, callId, port, token, mac });
    this.#send(host.endpoint, signMeet(relay, host.key));
  }

  #refuse(nonce: Uint8Array, callId: Uint8Array, reason: MeetRefusal, to: Endpoint): undefined {
    this.#send(to, encodeMeet({ kind: "refused", nonce, callId, reason }));
  }

  #send(to: Endpoint, data: Uint8Array): void {
    this.#commands.push({ type: "send", to, data });
  }

  #drop(reason: MeetDrop): undefined {
    this.drops[reason]++;
  }
}
