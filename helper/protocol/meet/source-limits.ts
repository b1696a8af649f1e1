import type { Address } from "#wire/address.ts";
import { sourceKey, TokenBucket } from "#protocol/session/load.ts";

/** Messages a second from one address (an IPv6 /64), and at once. */
const RATE = 40;
const BURST = 80;
/** Addresses that are remembered; the one longest unused is forgotten first. */
export const MAX_SOURCES = 16_384;

/** What one address may ask of a meeting point: messages a second. */
export class SourceRates {
  readonly #buckets = new Map<string, TokenBucket>();

  get size(): number {
    return this.#buckets.size;
  }

  admit(source: Address, now: number): boolean {
    const key = sourceKey(source);
    const bucket = this.#buckets.get(key) ?? new TokenBucket(RATE, BURST, now);
    this.#buckets.delete(key);
    if (this.#buckets.size >= MAX_SOURCES) {
      const oldest = this.#buckets.keys().next();
      if (!oldest.done) this.#buckets.delete(oldest.value);
    }
    this.#buckets.set(key, bucket); // at the end: the map is in order of last use
    return bucket.take(now);
  }
}

/** How many of something one address holds, and all together. */
export class Quota {
  readonly #each: number;
  readonly #all: number;
  readonly #held = new Map<string, number>();
  #total = 0;

  constructor(each: number, all: number) {
    this.#each = each;
    this.#all = all;
  }

  get total(): number {
    return this.#total;
  }

  /** False: it would be one too many. What was taken is given back with the same address. */
  take(source: Address): boolean {
    const key = sourceKey(source);
    const held = this.#held.get(key) ?? 0;
    if (held >= this.#each || this.#total >= this.#all) return false;
    this.#held.set(key, held + 1);
    this.#total++;
    return true;
  }

  give(source: Address): void {
    const key = sourceKey(source);
    const held = this.#held.get(key);
    if (held === undefined) throw new Error(`nothing is held for ${source}`);
    if (held === 1) this.#held.delete(key);
    else this.#held.set(key, held - 1);
    this.#total--;
  }
}
