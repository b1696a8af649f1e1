// What this computer carried from one LAN to another a short while ago. Where it comes back on the LAN that it came from
// (two routers between the same two LANs, LANs that are bridged), its TTL is lower: that is what tells it from a packet
// that its sender has sent again, all of whose other bytes may be the same.

const SLOTS = 16_384;
/** Longer than a packet takes round any loop of LANs. */
const CROSSING_MEMORY_MS = 2000;

/** Direct-mapped and of fixed size, as payload-cache.ts. */
export class CrossingMemory {
  readonly #tag = new Int32Array(SLOTS);
  readonly #ttl = new Uint8Array(SLOTS);
  readonly #when = new Float64Array(SLOTS).fill(-Infinity);

  /** Has the packet crossed already, with a higher TTL? Else it is remembered. */
  hasReturned(hash: number, ttl: number, now: number): boolean {
    const slot = hash & (SLOTS - 1);
    const known = this.#tag[slot] === hash && now - this.#when[slot]! < CROSSING_MEMORY_MS;
    if (known && ttl < this.#ttl[slot]!) return true;
    this.#tag[slot] = hash;
    this.#ttl[slot] = ttl;
    this.#when[slot] = now;
    return false;
  }
}
