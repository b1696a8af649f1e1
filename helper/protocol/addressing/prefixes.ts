import { addressBytes, addressText, family, prefixContains } from "#wire/address.ts";
import type { Prefix } from "#wire/address.ts";
import { labelledHash } from "./network-id.ts";

/** A network's IPv4 prefix has this length: 1,022 members. */
export const IPV4_PREFIX_LENGTH = 22;

/**
 * Where IPv4 prefixes are taken from, in order. The shared address space of RFC 6598 comes first, because home
 * and office networks do not use it; the private ranges follow for machines that have all of it in use.
 */
const POOLS: readonly Prefix[] = [
  { address: "100.64.0.0", length: 10 },
  { address: "172.16.0.0", length: 12 },
  { address: "10.0.0.0", length: 8 },
];

/** Parts of the pools with a meaning of their own: Tailscale's name server, ChromeOS's containers. */
const TAKEN: readonly Prefix[] = [
  { address: "100.100.100.0", length: 24 },
  { address: "100.115.92.0", length: 23 },
];

export class AddressPoolError extends Error {
  override name = "AddressPoolError";
}

/** The network's ULA /48 (RFC 4193 section 3.1): fd, then 40 bits of the key's hash as Global ID. */
export function ulaPrefix(hostPublicKey: Uint8Array): Prefix {
  const bytes = new Uint8Array(16);
  bytes[0] = 0xfd;
  bytes.set(labelledHash("castaway ula", hostPublicKey).subarray(0, 5), 1);
  return { address: addressText(bytes), length: 48 };
}

/** RFC 4193. */
export const ULA: Prefix = { address: "fd00::", length: 8 };

/**
 * Are these prefixes that a network can have? A guest routes them into the tunnel: a host must not be able to name
 * others' addresses, or all there are.
 */
export function isNetworkPlan({ prefix6, prefix4 }: { prefix6: Prefix; prefix4: Prefix }): boolean {
  return (
    prefix6.length >= 48 &&
    prefixContains(ULA, prefix6.address) &&
    prefix4.length >= IPV4_PREFIX_LENGTH &&
    isFromPools(prefix4)
  );
}

/** Do the two have an address in common? */
export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? prefixContains(a, b.address) : prefixContains(b, a.address);
}

/** Those of the prefixes in use that overlap ours. A default route (length 0) says nothing about use. */
export function clashes(prefix: Prefix, inUse: readonly Prefix[]): Prefix[] {
  return inUse.filter((used) => used.length > 0 && prefixesOverlap(prefix, used));
}

/**
 * The network's IPv4 /22: the one of 100.64.0.0/10 that the hash of the host's key points at, or where that one
 * overlaps a prefix that the machine uses, the next one of a walk that visits the whole pool, then the next pool.
 * Asked once, when the network is created; the answer is stored for ever.
 * Throws AddressPoolError where every pool is in use.
 */
export function chooseIpv4Prefix(hostPublicKey: Uint8Array, inUse: readonly Prefix[]): Prefix {
  const found = freeIpv4Prefix(labelledHash("castaway ipv4", hostPublicKey), IPV4_PREFIX_LENGTH, inUse);
  if (found) return found;
  throw new AddressPoolError(
    "this computer uses every private IPv4 range, so the network finds no IPv4 prefix of its own: " +
      "make one of its routes narrower and try again",
  );
}

/** A prefix of the pools that overlaps none in use, the same for the same hash (8 bytes at least) wherever it can be. */
export function freeIpv4Prefix(
  hash: Uint8Array,
  length: number,
  inUse: readonly Prefix[],
): Prefix | undefined {
  const used = [...TAKEN, ...inUse.filter((prefix) => family(prefix.address) === 4 && prefix.length > 0)];
  const usedRanges = used.map(ipv4Range);
  const size = 2 ** (32 - length);
  const view = new DataView(hash.buffer, hash.byteOffset, hash.byteLength);
  const [hashStart, hashStride] = [view.getUint32(0), view.getUint32(4) | 1]; // odd: visits each of 2^n once
  for (const pool of POOLS.map(ipv4Range)) {
    const count = (pool.end - pool.start) / size;
    for (let step = 0; step < count; step++) {
      const index = ((hashStart + Math.imul(step, hashStride)) >>> 0) % count;
      const start = pool.start + index * size;
      const isFree = usedRanges.every((range) => start >= range.end || start + size <= range.start);
      if (isFree) return { address: ipv4Text(start), length };
    }
  }
  return undefined;
}

/** Is it of the ranges that networks and their mapped LANs are taken from? */
export function isFromPools(prefix: Prefix): boolean {
  return POOLS.some((pool) => pool.length <= prefix.length && prefixContains(pool, prefix.address));
}

/** First address of an IPv4 prefix and the one behind its last, as numbers. */
function ipv4Range({ address, length }: Prefix): { start: number; end: number } {
  const start = new DataView(addressBytes(address).buffer).getUint32(0);
  return { start, end: start + 2 ** (32 - length) };
}

/** A 32-bit number to dotted text. */
export function ipv4Text(value: number): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return addressText(bytes);
}
