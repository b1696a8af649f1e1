// From keys of a few words to small numbers: open addressing, linear probing, nothing allocated after the start.

export class WordIndex {
  readonly #keys: Uint32Array;
  readonly #words: number;
  readonly #slots: Int32Array; // value + 1; 0: free
  readonly #mask: number;
  readonly #seed: number;

  /**
   * The key of value `v` stands in `keys` from v * words on. `values`: how many there can be. `seed`: keys come from
   * strangers, who are not to know which ones meet.
   */
  constructor(keys: Uint32Array, words: number, values: number, seed: number) {
    this.#keys = keys;
    this.#words = words;
    this.#seed = seed;
    let capacity = 16;
    while (capacity < 2 * values) capacity *= 2;
    this.#slots = new Int32Array(capacity);
    this.#mask = capacity - 1;
  }

  /** -1: there is none. */
  find(key: Uint32Array): number {
    for (let i = this.#hash(key, 0); ; i = (i + 1) & this.#mask) {
      const value = this.#slots[i]! - 1;
      if (value < 0 || this.#same(value, key)) return value;
    }
  }

  /** Its key is not in here yet. */
  add(value: number): void {
    let i = this.#hash(this.#keys, value * this.#words);
    while (this.#slots[i] !== 0) i = (i + 1) & this.#mask;
    this.#slots[i] = value + 1;
  }

  /** Its key is what it was when it was added. */
  remove(value: number): void {
    let hole = this.#hash(this.#keys, value * this.#words);
    while (this.#slots[hole] !== value + 1) {
      if (this.#slots[hole] === 0) return;
      hole = (hole + 1) & this.#mask;
    }
    // What follows moves up where a search for it would otherwise end at the hole.
    for (let i = (hole + 1) & this.#mask; this.#slots[i] !== 0; i = (i + 1) & this.#mask) {
      const home = this.#hash(this.#keys, (this.#slots[i]! - 1) * this.#words);
      if (((i - home) & this.#mask) < ((i - hole) & this.#mask)) continue;
      this.#slots[hole] = this.#slots[i]!;
      hole = i;
    }
    this.#slots[hole] = 0;
  }

  #same(value: number, key: Uint32Array): boolean {
    const at = value * this.#words;
    for (let i = 0; i < this.#words; i++) if (this.#keys[at + i] !== key[i]) return false;
    return true;
  }

  #hash(words: Uint32Array, at: number): number {
    let h = this.#seed | 0;
    for (let i = 0; i < this.#words; i++) {
      h = Math.imul(h ^ words[at + i]!, 0x85ebca6b);
      h ^= h >>> 15;
    }
    h = Math.imul(h, 0xc2b2ae35);
    return (h ^ (h >>> 13)) & this.#mask;
  }
}
