import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import type { Entropy } from "#ports/entropy.ts";
import type { MeetOf } from "#wire/meet-message.ts";
import type { MeetClientCommand, MeetClientEvent } from "./meet-client-command.ts";
import { RelayLeg } from "./relay-leg.ts";

/** Relayed pairs of this computer, as host and as guest. */
export const MAX_LEGS = 64;

interface HeldLeg {
  readonly leg: RelayLeg;
  /** The call that it belongs to; undefined: we are the host. */
  readonly callId: string | undefined;
  told: boolean;
}

/** This computer's ends of relayed pairs, each from its token until it is gone. */
export class ClientLegs {
  readonly #entropy: Entropy;
  readonly #command: (command: MeetClientCommand) => void;
  readonly #legs = new Map<string, HeldLeg>(); // by call id, hexadecimal

  constructor(entropy: Entropy, command: (command: MeetClientCommand) => void) {
    this.#entropy = entropy;
    this.#command = command;
  }

  get size(): number {
    return this.#legs.size;
  }

  /** `asGuest`: the call is ours. False: as many as there may be are there. */
  add(callId: string, asGuest: boolean, at: Endpoint, token: Uint8Array, now: number): boolean {
    if (this.#legs.has(callId)) return true;
    if (this.#legs.size >= MAX_LEGS) return false;
    const leg = new RelayLeg(at, token, now);
    this.#legs.set(callId, { leg, callId: asGuest ? callId : undefined, told: false });
    const bind = leg.handleTimeout(now, this.#random(), this.#nonce());
    if (bind) this.#command({ type: "send", to: at, data: bind });
    return true;
  }

  /** It is not used any more. */
  remove(callId: string): void {
    this.#legs.delete(callId);
  }

  /** Mappings of our router are void. */
  handleNetworkChanged(now: number): void {
    for (const { leg } of this.#legs.values()) leg.handleNetworkChanged(now);
  }

  /** False: of none of them. */
  handleStatus(message: MeetOf<"bind-status">, data: Uint8Array, from: Endpoint, now: number): boolean {
    for (const [callId, held] of this.#legs) {
      if (!sameEndpoint(held.leg.at, from)) continue;
      const result = held.leg.handleStatus(message, data, now, this.#nonce());
      if (!result) continue;
      if (result.send) this.#command({ type: "send", to: from, data: result.send });
      if (held.leg.state === "gone") this.#drop(callId, held);
      else if (held.leg.state === "bound" && !held.told) {
        held.told = true;
        if (held.callId === undefined) this.#event({ type: "relayed", endpoint: from });
        else this.#event({ type: "relay", callId: held.callId, endpoint: from });
      }
      return true;
    }
    return false;
  }

  /** Infinity: never. */
  pollTimeout(): number {
    let earliest = Infinity;
    for (const { leg } of this.#legs.values()) earliest = Math.min(earliest, leg.pollTimeout());
    return earliest;
  }

  handleTimeout(now: number): void {
    for (const [callId, held] of this.#legs) {
      const bind = held.leg.handleTimeout(now, this.#random(), this.#nonce());
      if (bind) this.#command({ type: "send", to: held.leg.at, data: bind });
      if (held.leg.state === "gone") this.#drop(callId, held);
    }
  }

  #drop(callId: string, held: HeldLeg): void {
    this.#legs.delete(callId);
    this.#event({ type: "relay-lost", endpoint: held.leg.at });
  }

  #event(event: MeetClientEvent): void {
    this.#command({ type: "event", event });
  }

  #nonce(): Uint8Array {
    return this.#entropy.bytes(8);
  }

  #random(): number {
    return this.#entropy.bytes(1)[0]! / 256;
  }
}
