// Prefixes of addresses as words: who may use which source, and which member has which address.
import { IPV4_MAPPED } from "#protocol/forwarding/address-words.ts";
import type { UnicastRoute } from "#ports/fast-path.ts";

/** 16 bytes (IPv4 mapped) or 4, to four words. */
function toWords(address: Uint8Array): Uint32Array {
  const words = new Uint32Array(4);
  const bytes = new DataView(address.buffer, address.byteOffset, address.byteLength);
  if (address.length === 4) {
    words[2] = IPV4_MAPPED;
    words[3] = bytes.getUint32(0);
  } else for (let i = 0; i < 4; i++) words[i] = bytes.getUint32(4 * i);
  return words;
}

function toMask(length: number): Uint32Array {
  const mask = new Uint32Array(4);
  for (let i = 0; i < 4; i++) {
    const bits = Math.max(0, Math.min(32, length - 32 * i));
    mask[i] = bits === 0 ? 0 : -1 << (32 - bits);
  }
  return mask;
}

interface Prefix {
  readonly address: Uint8Array;
  readonly length: number;
}

interface Entry {
  readonly words: Uint32Array;
  readonly mask: Uint32Array;
  readonly length: number;
  readonly vif: number;
}

function toEntry(prefix: Prefix, vif: number): Entry {
  const length = prefix.address.length === 4 ? prefix.length + 96 : prefix.length;
  const mask = toMask(length);
  const words = toWords(prefix.address).map((word, i) => word & mask[i]!);
  return { words, mask, length, vif };
}

function contains(entry: Entry, key: Uint32Array, at: number): boolean {
  const { words, mask } = entry;
  return (
    (key[at + 3]! & mask[3]!) >>> 0 === words[3] &&
    (key[at + 2]! & mask[2]!) >>> 0 === words[2] &&
    (key[at + 1]! & mask[1]!) >>> 0 === words[1] &&
    (key[at]! & mask[0]!) >>> 0 === words[0]
  );
}

export class PrefixSet {
  readonly #entries: readonly Entry[];

  constructor(prefixes: readonly Prefix[]) {
    this.#entries = prefixes.map((prefix) => toEntry(prefix, 0));
  }

  /** Is the address at key[at..+4] in one of them? */
  has(key: Uint32Array, at: number): boolean {
    for (const entry of this.#entries) if (contains(entry, key, at)) return true;
    return false;
  }
}

/** The result of find() for an address outside of every network. */
export const NO_ROUTE = -1;
const CACHE = 256;

/** Longest match. A list, walked once a destination: a small cache in front answers the rest. */
export class UnicastRoutes {
  readonly #entries: readonly Entry[];
  readonly #cached = new Uint32Array(CACHE * 4);
  readonly #vifs = new Int32Array(CACHE).fill(NO_ROUTE - 1);

  constructor(routes: readonly UnicastRoute[]) {
    this.#entries = routes.map((route) => toEntry(route, route.vif)).sort((a, b) => b.length - a.length);
  }

  /** The vif behind which the address at key[at..+4] is; NO_ROUTE: none. */
  find(key: Uint32Array, at: number): number {
    const place =
      (Math.imul(key[at + 3]! ^ Math.imul(key[at + 1]!, 31) ^ key[at]!, 0x45d9f3b) >>> 16) & (CACHE - 1);
    const cached = place * 4;
    const hit =
      this.#vifs[place]! >= NO_ROUTE &&
      this.#cached[cached] === key[at] &&
      this.#cached[cached + 1] === key[at + 1] &&
      this.#cached[cached + 2] === key[at + 2] &&
      this.#cached[cached + 3] === key[at + 3];
    if (hit) return this.#vifs[place]!;
    let vif = NO_ROUTE;
    for (const entry of this.#entries)
      if (contains(entry, key, at)) {
        vif = entry.vif;
        break;
      }
    for (let i = 0; i < 4; i++) this.#cached[cached + i] = key[at + i]!;
    this.#vifs[place] = vif;
    return vif;
  }
}
