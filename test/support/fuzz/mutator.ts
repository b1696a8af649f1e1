import type { SeededRandom } from "./seeded-random.ts";

// Where lengths, counts and flags change their meaning.
const BOUNDARIES = [0, 1, 2, 4, 5, 6, 7, 8, 0x10, 0x20, 0x40, 0x7f, 0x80, 0xfe, 0xff];
/** What a datagram or a slot of the fast path can hold. */
const LARGEST = 65_536;

/**
 * One input: some at random, some blown up by repeating a part (what is quadratic shows there), the others a valid
 * one with up to four changes. Always a fresh copy.
 */
export function mutate(random: SeededRandom, corpus: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (random.oneIn(10)) return random.bytes(random.below(160));
  let bytes = Uint8Array.from(random.pick(corpus));
  for (let changes = random.below(5); changes > 0; changes--) bytes = change(random, bytes, corpus);
  return random.oneIn(1000) ? blownUp(random, bytes) : bytes;
}

function change(
  random: SeededRandom,
  bytes: Uint8Array<ArrayBuffer>,
  corpus: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  switch (random.below(6)) {
    case 0: // one bit
      if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1: // one byte
      if (at < bytes.length) bytes[at] = random.pick(BOUNDARIES);
      return bytes;
    case 2: // cut off
      return bytes.slice(0, at);
    case 3: // grown
      return joined(bytes, random.bytes(random.below(40)));
    case 4: // bytes put in
      return joined(bytes.subarray(0, at), random.bytes(random.below(9)), bytes.subarray(at));
    default: {
      // the end of another
      const other = random.pick(corpus);
      return joined(bytes.subarray(0, at), other.subarray(random.below(other.length + 1)));
    }
  }
}

function blownUp(random: SeededRandom, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = Math.max(bytes.length, random.below(LARGEST));
  const out = new Uint8Array(length);
  out.set(bytes);
  const start = random.below(bytes.length + 1);
  const part = bytes.subarray(start, start + 1 + random.below(40));
  if (part.length > 0)
    for (let at = bytes.length; at < length; at += part.length)
      out.set(part.subarray(0, Math.min(part.length, length - at)), at);
  return out;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
