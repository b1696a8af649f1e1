import { addressBytes, type Address, type Prefix } from "#wire/address.ts";

// Addresses as four 32-bit words, the form of the compiled table. IPv4 stands as ::ffff:a.b.c.d.

export const IPV4_MAPPED = 0x0000ffff; // the third word of a mapped address, behind two zero words

/** Writes the four words of an address into `words` at `offset`. */
export function writeAddressWords(words: Uint32Array, offset: number, address: Address): void {
  const bytes = addressBytes(address);
  if (bytes.length === 4) {
    words[offset] = 0;
    words[offset + 1] = 0;
    words[offset + 2] = IPV4_MAPPED;
    words[offset + 3] = bigEndianWord(bytes, 0);
  } else for (let i = 0; i < 4; i++) words[offset + i] = bigEndianWord(bytes, 4 * i);
}

/** A prefix's length in bits of the 16-byte form. */
export function mappedLength(prefix: Prefix): number {
  return prefix.address.includes(":") ? prefix.length : prefix.length + 96;
}

/** Are the first `length` bits of a[aOffset..+4] and b[bOffset..+4] the same? */
export function samePrefixWords(
  a: Uint32Array,
  aOffset: number,
  b: Uint32Array,
  bOffset: number,
  length: number,
): boolean {
  for (let i = 0, left = length; left > 0; i++, left -= 32) {
    const difference = a[aOffset + i]! ^ b[bOffset + i]!;
    if (left >= 32 ? difference !== 0 : difference >>> (32 - left) !== 0) return false;
  }
  return true;
}

function bigEndianWord(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
