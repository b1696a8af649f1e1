import type { Entropy } from "#ports/entropy.ts";

/** Bounds the work of a lookup and what peers can hold; each session has a handful at most. */
const MAX_INDICES = 16_384;

/**
 * Who owns which 32-bit index. Indices are random, so that they say nothing about how many sessions there are,
 * and unique in this process. 0 is never used.
 */
export class IndexTable<Owner> {
  readonly #owners = new Map<number, Owner>();
  readonly #entropy: Entropy;

  constructor(entropy: Entropy) {
    this.#entropy = entropy;
  }

  get size(): number {
    return this.#owners.size;
  }

  /** Undefined where the table is full. */
  take(owner: Owner): number | undefined {
    if (this.#owners.size >= MAX_INDICES) return undefined;
    for (;;) {
      const bytes = this.#entropy.bytes(4);
      const index = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      if (index === 0 || this.#owners.has(index)) continue;
      this.#owners.set(index, owner);
      return index;
    }
  }

  owner(index: number): Owner | undefined {
    return this.#owners.get(index);
  }

  release(index: number): void {
    this.#owners.delete(index);
  }
}
