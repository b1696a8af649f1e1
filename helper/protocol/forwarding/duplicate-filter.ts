// Each packet that enters the tunnel carries its origin and a 64-bit sequence (epoch, counter); whatever way it
// takes, it is delivered once. Called per packet by the fast path: typed arrays, no allocation.

/** Sequence numbers behind the highest that can still be told new from seen. A power of two, 32 or more. */
export const DUPLICATE_WINDOW = 4096;
const WINDOW_WORDS = DUPLICATE_WINDOW / 32;
const EPOCH_SPAN = 0x1_0000_0000;

export const PACKET_NEW = 0;
export const PACKET_DUPLICATE = 1;
export const PACKET_TOO_OLD = 2; // behind the window, or of an epoch before a restart
export const PACKET_TOO_MANY_ORIGINS = 3;
export type DuplicateVerdict = 0 | 1 | 2 | 3;

/**
 * The epoch is the upper half of the sequence: a counter that wraps goes on in the next one, and an origin that
 * restarts takes a higher one, which is a jump ahead and so starts a new window.
 */
export class DuplicateFilter {
  readonly #maxOrigins: number;
  readonly #idleMs: number;
  readonly #mask: number;
  // Open addressing, linear probing, at most half full; a slot with #lastSeen -1 is free.
  readonly #origin: Uint32Array;
  readonly #epoch: Uint32Array;
  readonly #counter: Uint32Array;
  readonly #lastSeen: Float64Array;
  readonly #window: Uint32Array;
  #origins = 0;

  /** An origin that was silent for `idleMs` may lose its place to another, and may come back with any epoch. */
  constructor(maxOrigins: number, idleMs: number) {
    let capacity = 4;
    while (capacity < 2 * maxOrigins) capacity *= 2;
    this.#maxOrigins = maxOrigins;
    this.#idleMs = idleMs;
    this.#mask = capacity - 1;
    this.#origin = new Uint32Array(capacity);
    this.#epoch = new Uint32Array(capacity);
    this.#counter = new Uint32Array(capacity);
    this.#lastSeen = new Float64Array(capacity).fill(-1);
    this.#window = new Uint32Array(capacity * WINDOW_WORDS);
  }

  get origins(): number {
    return this.#origins;
  }

  /** All three numbers are unsigned 32-bit; `now` is monotonic milliseconds, 0 or more. Remembers what is new. */
  check(origin: number, epoch: number, counter: number, now: number): DuplicateVerdict {
    let slot = this.#find(origin);
    if (this.#lastSeen[slot]! < 0) {
      if (this.#origins >= this.#maxOrigins && !this.#evictIdle(now)) return PACKET_TOO_MANY_ORIGINS;
      slot = this.#find(origin); // the eviction may have moved slots
      this.#origins++;
      this.#origin[slot] = origin;
      this.#start(slot, epoch, counter, now);
      return PACKET_NEW;
    }
    if (now - this.#lastSeen[slot]! > this.#idleMs) {
      this.#start(slot, epoch, counter, now);
      return PACKET_NEW;
    }
    const ahead = (epoch - this.#epoch[slot]!) * EPOCH_SPAN + (counter - this.#counter[slot]!);
    if (ahead <= -DUPLICATE_WINDOW) return PACKET_TOO_OLD;
    if (ahead > 0) this.#advance(slot, epoch, counter, ahead);
    const word = slot * WINDOW_WORDS + ((counter & (DUPLICATE_WINDOW - 1)) >>> 5);
    const bit = 1 << (counter & 31);
    if (ahead <= 0 && (this.#window[word]! & bit) !== 0) return PACKET_DUPLICATE;
    this.#window[word]! |= bit;
    this.#lastSeen[slot] = now; // duplicates and old packets keep no origin alive
    return PACKET_NEW;
  }

  /** The origin's slot, or the free one where it would stand. */
  #find(origin: number): number {
    let slot = home(origin) & this.#mask;
    while (this.#lastSeen[slot]! >= 0 && this.#origin[slot] !== origin) slot = (slot + 1) & this.#mask;
    return slot;
  }

  #start(slot: number, epoch: number, counter: number, now: number): void {
    this.#epoch[slot] = epoch;
    this.#counter[slot] = counter;
    this.#lastSeen[slot] = now;
    const base = slot * WINDOW_WORDS;
    this.#window.fill(0, base, base + WINDOW_WORDS);
    this.#window[base + ((counter & (DUPLICATE_WINDOW - 1)) >>> 5)] = 1 << (counter & 31);
  }

  /** Moves the window ahead: the numbers skipped were not seen. */
  #advance(slot: number, epoch: number, counter: number, ahead: number): void {
    const base = slot * WINDOW_WORDS;
    if (ahead >= DUPLICATE_WINDOW) this.#window.fill(0, base, base + WINDOW_WORDS);
    else {
      let at = this.#counter[slot]! + 1;
      for (let left = ahead; left > 0;) {
        const word = base + ((at & (DUPLICATE_WINDOW - 1)) >>> 5);
        if ((at & 31) === 0 && left >= 32) {
          this.#window[word] = 0;
          at += 32;
          left -= 32;
        } else {
          this.#window[word]! &= ~(1 << (at & 31));
          at++;
          left--;
        }
      }
    }
    this.#epoch[slot] = epoch;
    this.#counter[slot] = counter;
  }

  /** Frees the place of one idle origin. Rare: only where a new origin meets a full table. */
  #evictIdle(now: number): boolean {
    let oldest = -1;
    for (let slot = 0; slot <= this.#mask; slot++) {
      const seen = this.#lastSeen[slot]!;
      if (seen >= 0 && (oldest < 0 || seen < this.#lastSeen[oldest]!)) oldest = slot;
    }
    if (oldest < 0 || now - this.#lastSeen[oldest]! <= this.#idleMs) return false;
    this.#remove(oldest);
    return true;
  }

  /** Closes the gap, so that probing still finds what stood behind it. */
  #remove(slot: number): void {
    let gap = slot;
    for (let next = (gap + 1) & this.#mask; this.#lastSeen[next]! >= 0; next = (next + 1) & this.#mask) {
      const distance = (next - home(this.#origin[next]!)) & this.#mask;
      if (distance < ((next - gap) & this.#mask)) continue;
      this.#origin[gap] = this.#origin[next]!;
      this.#epoch[gap] = this.#epoch[next]!;
      this.#counter[gap] = this.#counter[next]!;
      this.#lastSeen[gap] = this.#lastSeen[next]!;
      this.#window.copyWithin(gap * WINDOW_WORDS, next * WINDOW_WORDS, (next + 1) * WINDOW_WORDS);
      gap = next;
    }
    this.#lastSeen[gap] = -1;
    this.#origins--;
  }
}

function home(origin: number): number {
  const h = Math.imul(origin ^ (origin >>> 16), 0x45d9f3b);
  return (h ^ (h >>> 16)) >>> 0;
}
