// What holds on a LAN that is part of a proxy. Looked at when a flow is created, but for the rate.
import type { LanRules } from "#ports/fast-path.ts";
import { KEY_GROUP, KEY_SOURCE } from "./ip-packet.ts";
import { PrefixSet } from "./prefixes.ts";
import { RateLimit } from "./rate-limit.ts";

export class LanGate {
  /** Of the wire. */
  readonly rate = new RateLimit();
  #sources: PrefixSet | undefined;
  #allowed: PrefixSet | undefined;
  #denied: PrefixSet | undefined;

  set({ sources, allowed, denied, bitsPerSecond }: LanRules, now: number): void {
    this.#sources = sources && new PrefixSet(sources);
    this.#allowed = allowed && new PrefixSet(allowed);
    this.#denied = denied.length > 0 ? new PrefixSet(denied) : undefined;
    this.rate.set(bitsPerSecond ?? undefined, now);
  }

  /** May a packet of this source and group come in by the LAN? */
  letsIn(key: Uint32Array): boolean {
    return (this.#sources?.has(key, KEY_SOURCE) ?? true) && this.letsOut(key);
  }

  /** May it leave by it? */
  letsOut(key: Uint32Array): boolean {
    return (this.#allowed?.has(key, KEY_GROUP) ?? true) && !this.#denied?.has(key, KEY_GROUP);
  }
}
