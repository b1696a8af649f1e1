// Which client has which /64. An Id that got one has it for ever: nothing is ever taken back.
import { addressBytes, addressText, type Address, type Prefix } from "#wire/address.ts";

/** New ones are given out until there are so many: each rewrites the file, and strangers can ask for them. */
export const MAX_ASSIGNMENTS = 65_536;

const HALF = 8; // bytes of a /64
const CLIENT_BITS = 64;

export type Assigned =
  | { readonly prefix: Prefix; readonly isNew: boolean }
  | "exhausted"
  /** It has none, and none are given out. */
  | "unknown";

export class Assignments {
  readonly #range: Prefix;
  readonly #first: bigint;
  readonly #size: bigint;
  readonly #byId = new Map<string, bigint>();
  readonly #used = new Set<bigint>();
  #next: bigint;

  /**
   * `range`: what new ones come out of, /1 to /64. `known`: Ids in lower case. Throws RangeError where the range has no
   * /64, or two Ids have the same.
   */
  constructor(range: Prefix, known: Iterable<readonly [string, Prefix]> = []) {
    if (range.length < 1 || range.length > CLIENT_BITS || !range.address.includes(":"))
      throw new RangeError("the range is an IPv6 prefix, /64 or shorter");
    this.#range = range;
    this.#first = halfOf(range.address);
    this.#size = 1n << BigInt(CLIENT_BITS - range.length);
    for (const [id, prefix] of known) {
      const half = halfOf(prefix.address);
      if (prefix.length !== CLIENT_BITS) throw new RangeError(`what ${id} has is no /64`);
      if (this.#used.has(half)) throw new RangeError(`what ${id} has, another one has too`);
      this.#byId.set(id, half);
      this.#used.add(half);
    }
    // The first one is the server's own, where there are others.
    this.#next = this.#size > 1n ? 1n : 0n;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The server's address among its clients; undefined where the range has room for one client alone. */
  get ownAddress(): Address | undefined {
    if (this.#size === 1n || this.#used.has(this.#first)) return undefined;
    return firstAddress({ address: this.#range.address, length: CLIENT_BITS });
  }

  /** `knownOnly`: nobody gets a new one. */
  assign(id: string, knownOnly = false): Assigned {
    const had = this.#byId.get(id);
    if (had !== undefined) return { prefix: prefixOf(had), isNew: false };
    if (knownOnly) return "unknown";
    if (this.#byId.size >= MAX_ASSIGNMENTS) return "exhausted";
    while (this.#next < this.#size && this.#used.has(this.#first + this.#next)) this.#next++;
    if (this.#next >= this.#size) return "exhausted";
    const half = this.#first + this.#next++;
    this.#byId.set(id, half);
    this.#used.add(half);
    return { prefix: prefixOf(half), isNew: true };
  }

  /** Takes back one that nobody was told of. */
  withdraw(id: string): void {
    const half = this.#byId.get(id);
    if (half === undefined) return;
    this.#byId.delete(id);
    this.#used.delete(half);
    if (half >= this.#first && half - this.#first < this.#next) this.#next = half - this.#first;
    if (this.#next === 0n && this.#size > 1n) this.#next = 1n;
  }

  *entries(): Iterable<readonly [string, Prefix]> {
    for (const [id, half] of this.#byId) yield [id, prefixOf(half)];
  }
}

/** Where the client of a /64 is: prefix::1. */
export function firstAddress({ address }: Prefix): Address {
  const bytes = addressBytes(address);
  bytes[15] = 1;
  return addressText(bytes);
}

/** The first 64 bits of an address. */
export function halfOf(address: Address): bigint {
  return halfAt(addressBytes(address), 0);
}

/** The same of the 16 bytes at `offset`. */
export function halfAt(bytes: Uint8Array, offset: number): bigint {
  let half = 0n;
  for (let i = 0; i < HALF; i++) half = (half << 8n) | BigInt(bytes[offset + i]!);
  return half;
}

function prefixOf(half: bigint): Prefix {
  const bytes = new Uint8Array(2 * HALF);
  for (let i = 0; i < HALF; i++) bytes[i] = Number((half >> BigInt(8 * (HALF - 1 - i))) & 0xffn);
  return { address: addressText(bytes), length: CLIENT_BITS };
}
