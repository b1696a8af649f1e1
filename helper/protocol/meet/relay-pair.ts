import { hmac } from "#noise/hash.ts";
import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import { TokenBucket } from "#protocol/session/load.ts";
import { equalBytes } from "#noise/equal.ts";
import { PAIR_IDLE } from "./meet-limits.ts";

export type Side = "guest" | "host";

interface Leg {
  readonly token: Uint8Array;
  place: Endpoint | undefined;
  heardAt: number;
  packets: number;
  bytes: number;
}

/** Two ends that pass frames to each other through us. Who may send is who has shown its token from there. */
export class RelayPair {
  readonly port: number;
  readonly callId: Uint8Array;
  readonly #legs: Readonly<Record<Side, Leg>>;
  readonly #rate: TokenBucket;

  constructor(
    port: number,
    callId: Uint8Array,
    tokens: Readonly<Record<Side, Uint8Array>>,
    rate: number,
    now: number,
  ) {
    this.port = port;
    this.callId = callId;
    const leg = (token: Uint8Array): Leg => ({ token, place: undefined, heardAt: now, packets: 0, bytes: 0 });
    this.#legs = { guest: leg(tokens.guest), host: leg(tokens.host) };
    this.#rate = new TokenBucket(rate, rate / 4, now);
  }

  token(side: Side): Uint8Array {
    return this.#legs[side].token;
  }

  place(side: Side): Endpoint | undefined {
    return this.#legs[side].place;
  }

  /** Passed on so far, from both ends. */
  get bytes(): number {
    return this.#legs.guest.bytes + this.#legs.host.bytes;
  }

  get idleAt(): number {
    return Math.min(this.#legs.guest.heardAt, this.#legs.host.heardAt) + PAIR_IDLE;
  }

  sideOfToken(token: Uint8Array): Side | undefined {
    if (equalBytes(this.#legs.guest.token, token)) return "guest";
    return equalBytes(this.#legs.host.token, token) ? "host" : undefined;
  }

  /** The side is there from now on: it has shown the token, and that it gets mail there. */
  bind(side: Side, place: Endpoint, now: number): void {
    const leg = this.#legs[side];
    leg.place = place;
    leg.heardAt = now;
  }

  unbind(place: Endpoint): void {
    for (const leg of Object.values(this.#legs))
      if (leg.place && sameEndpoint(leg.place, place)) leg.place = undefined;
  }

  /** Where a frame goes on to. Called for each frame. */
  forward(from: Endpoint, length: number, now: number): Endpoint | "stranger" | "nobody" | "too-fast" {
    const { guest, host } = this.#legs;
    const side = isAt(guest, from) ? guest : isAt(host, from) ? host : undefined;
    if (!side) return "stranger";
    side.heardAt = now;
    const to = (side === guest ? host : guest).place;
    if (!to) return "nobody";
    if (!this.#rate.take(now, length)) return "too-fast";
    side.packets++;
    side.bytes += length;
    return to;
  }
}

function isAt(leg: Leg, from: Endpoint): boolean {
  return leg.place !== undefined && sameEndpoint(leg.place, from);
}

/** A token as it is looked up by, so that comparing takes no time that tells something. */
export function tokenKey(token: Uint8Array): string {
  return hmac(token).toHex();
}
