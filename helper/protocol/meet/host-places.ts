import { NoiseError } from "#noise/noise-error.ts";
import type { KeyPair } from "#noise/x25519.ts";
import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import { TokenBucket } from "#protocol/session/load.ts";
import type { MeetOf } from "#wire/meet-message.ts";
import { HOST_CALL_BURST, HOST_CALL_RATE, HOST_LIFETIME, type MeetLimits } from "./meet-limits.ts";
import { meetMacValid, serverMeetKey } from "./meet-keys.ts";
import { Quota } from "./source-limits.ts";

export interface HostPlace {
  readonly key: Uint8Array;
  /** Calls a second. */
  readonly rate: TokenBucket;
  endpoint: Endpoint;
  stamp: number;
  endsAt: number;
}

/** The hosts that can be called here, by id. */
export class HostPlaces {
  readonly #keys: KeyPair;
  readonly #quota: Quota;
  readonly #places = new Map<string, HostPlace>(); // in order of their renewal

  constructor(keys: KeyPair, limits: Pick<MeetLimits, "hosts" | "hostsEach">) {
    this.#keys = keys;
    this.#quota = new Quota(limits.hostsEach, limits.hosts);
  }

  get size(): number {
    return this.#places.size;
  }

  get(id: string): HostPlace | undefined {
    return this.#places.get(id);
  }

  /** Did the host under that id send it, from where it is? */
  isFrom(id: string, data: Uint8Array, from: Endpoint): boolean {
    const place = this.#places.get(id);
    return place !== undefined && sameEndpoint(place.endpoint, from) && meetMacValid(data, place.key);
  }

  /** `data`: the message whole, for its MAC. A place moves with its host, by a newer stamp alone. */
  register(
    message: MeetOf<"register">,
    data: Uint8Array,
    from: Endpoint,
    now: number,
  ): HostPlace | "refused" | "full" {
    const id = message.id.toHex();
    const known = this.#places.get(id);
    const key = known?.key ?? this.#key(message.id);
    if (!key || !meetMacValid(data, key)) return "refused";
    if (known && message.stamp <= known.stamp) return "refused";
    if (known) this.#remove(id, known);
    if (!this.#quota.take(from.address)) return "full";
    const rate = known?.rate ?? new TokenBucket(HOST_CALL_RATE, HOST_CALL_BURST, now);
    const place = { key, rate, endpoint: from, stamp: message.stamp, endsAt: now + HOST_LIFETIME };
    this.#places.set(id, place);
    return place;
  }

  closed(stream: Endpoint): void {
    for (const [id, place] of this.#places) if (sameEndpoint(place.endpoint, stream)) this.#remove(id, place);
  }

  pollTimeout(): number {
    const oldest = this.#places.values().next();
    return oldest.done ? Infinity : oldest.value.endsAt;
  }

  handleTimeout(now: number): void {
    for (const [id, place] of this.#places) {
      if (place.endsAt > now) return;
      this.#remove(id, place);
    }
  }

  #key(id: Uint8Array): Uint8Array | undefined {
    try {
      return serverMeetKey(this.#keys, id);
    } catch (error) {
      if (error instanceof NoiseError) return undefined; // of low order
      throw error;
    }
  }

  #remove(id: string, place: HostPlace): void {
    this.#places.delete(id);
    this.#quota.give(place.endpoint.address);
  }
}
