import { addressBytes, family, type Address } from "#wire/address.ts";

/** `rate` a second, `burst` at once. */
export class TokenBucket {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  take(now: number, amount = 1): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#rate);
    this.#at = now;
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }
}

/**
 * Initiations a second with a valid mac1 above which senders must prove their address. Asking for the proof is an
 * answer, which a stranger should not get: so it is no sooner than the work would be felt.
 */
export const LOAD_THRESHOLD = 150;
/** Once under load, for at least this long: an attacker must not switch it off between two bursts. */
const LOAD_HOLD = 1_000;
/** Handshakes a second that are worked on at all: each costs half a millisecond, or a few on a small machine. */
const MAX_HANDSHAKES = 200;
const SOURCE_RATE = 10;
const SOURCE_BURST = 20;
const MAX_SOURCES = 4_096;

/**
 * How busy strangers keep us. Below the threshold nobody is limited: a source address may be forged then, and a
 * limit per address would let anyone shut out somebody else.
 */
export class HandshakeLoad {
  readonly #below: TokenBucket;
  readonly #total: TokenBucket;
  readonly #sources = new Map<string, TokenBucket>();
  #heldUntil = -Infinity;

  constructor(now: number) {
    this.#below = new TokenBucket(LOAD_THRESHOLD, LOAD_THRESHOLD, now);
    this.#total = new TokenBucket(MAX_HANDSHAKES, MAX_HANDSHAKES, now);
  }

  get sources(): number {
    return this.#sources.size;
  }

  /** Counts an initiation with a valid mac1. True: senders must show a cookie. */
  underLoad(now: number): boolean {
    if (!this.#below.take(now)) this.#heldUntil = now + LOAD_HOLD;
    return now < this.#heldUntil;
  }

  /** For a sender whose address is proved. False: too many from there, or in all. */
  admit(source: Address, now: number): boolean {
    const key = sourceKey(source);
    let bucket = this.#sources.get(key);
    if (bucket) this.#sources.delete(key);
    else bucket = new TokenBucket(SOURCE_RATE, SOURCE_BURST, now);
    if (this.#sources.size >= MAX_SOURCES) {
      const oldest = this.#sources.keys().next();
      if (!oldest.done) this.#sources.delete(oldest.value);
    }
    this.#sources.set(key, bucket); // at the end: the map is in order of last use
    return bucket.take(now) && this.#total.take(now);
  }
}

/** An IPv6 site has 2^64 addresses to send from: all of a /64 count as one. */
export function sourceKey(source: Address): string {
  return family(source) === 4 ? source : addressBytes(source).subarray(0, 8).toHex();
}
