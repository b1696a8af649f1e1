// What an AMT relay was asked for: (S,G) and (*,G), looked up once a packet.
import { hashKey } from "#protocol/forwarding/route-table.ts";
import { KEY_GROUP, KEY_SOURCE } from "../ip-packet.ts";

const KEY_WORDS = 8;
const ANY_SOURCE = new Uint32Array(4);

export class JoinedStreams {
  readonly #slots: Uint32Array;
  readonly #used: Uint8Array;
  readonly #mask: number;
  readonly #hasAny: boolean;
  readonly #any = new Uint32Array(KEY_WORDS);
  readonly #last = new Uint32Array(KEY_WORDS); // streams come in runs
  #lastHeld = false;

  /** `streams`: group and source, four words each; a source of zeros is any. */
  constructor(streams: Uint32Array) {
    const count = streams.length / KEY_WORDS;
    let capacity = 8;
    while (capacity < 2 * count) capacity *= 2;
    this.#mask = capacity - 1;
    this.#slots = new Uint32Array(capacity * KEY_WORDS);
    this.#used = new Uint8Array(capacity);
    let hasAny = false;
    for (let i = 0; i < count; i++) {
      const key = streams.subarray(i * KEY_WORDS, (i + 1) * KEY_WORDS);
      hasAny ||= key.subarray(KEY_SOURCE).every((word) => word === 0);
      const place = this.#place(key);
      this.#used[place] = 1;
      this.#slots.set(key, place * KEY_WORDS);
    }
    this.#hasAny = hasAny;
  }

  /** Was the packet's (S,G) asked for, or its group from any source? `key` as in IpPacket. */
  has(key: Uint32Array): boolean {
    if (this.#lastHeld && same(this.#last, 0, key)) return true;
    const held = this.#holds(key);
    if (held) {
      this.#last.set(key);
      this.#lastHeld = true;
    }
    return held;
  }

  #holds(key: Uint32Array): boolean {
    if (this.#used[this.#place(key)] === 1) return true;
    if (!this.#hasAny) return false;
    const any = this.#any;
    for (let i = 0; i < 4; i++) any[KEY_GROUP + i] = key[KEY_GROUP + i]!;
    any.set(ANY_SOURCE, KEY_SOURCE);
    return this.#used[this.#place(any)] === 1;
  }

  /** Where the key is, or the free slot where it would be: at most half of them are in use. */
  #place(key: Uint32Array): number {
    let i = hashKey(key, KEY_GROUP, KEY_SOURCE) & this.#mask;
    while (this.#used[i] === 1 && !same(this.#slots, i * KEY_WORDS, key)) i = (i + 1) & this.#mask;
    return i;
  }
}

function same(words: Uint32Array, at: number, key: Uint32Array): boolean {
  for (let i = 0; i < KEY_WORDS; i++) if (words[at + i] !== key[i]) return false;
  return true;
}
