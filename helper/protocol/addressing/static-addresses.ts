import { addressBytes, addressText, family, type Address, type Prefix } from "#wire/address.ts";
import { labelledHash } from "./network-id.ts";
import { freeIpv4Prefix } from "./prefixes.ts";

/** What a static peer has inside of the tunnel: one address of each family. */
export interface StaticAddresses {
  readonly address6: Address;
  readonly address4: Address;
  /** What it may send from, and what is sent to it: the /64 of its IPv6 address (RFC 4193's are its own), and its IPv4 address. */
  readonly prefixes: readonly Prefix[];
}

/**
 * The addresses of a key's owner, the same for whoever knows the key, so that nobody has to hand any out: an RFC 4193
 * prefix of its own, and an address of RFC 6598's shared space. `given` ones go before: each replaces the derived one
 * of its family, and an IPv6 address that is given stands for itself alone.
 */
export function staticAddresses(publicKey: Uint8Array, given: readonly Address[] = []): StaticAddresses {
  const given6 = given.find((address) => family(address) === 6);
  const given4 = given.find((address) => family(address) === 4);
  const address4 = given4 ?? derived4(publicKey);
  const prefix4 = { address: address4, length: 32 };
  if (given6 !== undefined)
    return { address6: given6, address4, prefixes: [{ address: given6, length: 128 }, prefix4] };
  const bytes = new Uint8Array(16);
  bytes[0] = 0xfd;
  bytes.set(labelledHash("castaway static ula", publicKey).subarray(0, 5), 1);
  const subnet = { address: addressText(bytes), length: 64 };
  bytes[15] = 1;
  return { address6: addressText(bytes), address4, prefixes: [subnet, prefix4] };
}

/** Not the first and last of a /24, which some devices take for a network and its broadcast. */
function derived4(publicKey: Uint8Array): Address {
  const subnet = freeIpv4Prefix(labelledHash("castaway static ipv4", publicKey), 24, [])!;
  const bytes = addressBytes(subnet.address);
  bytes[3] = 1 + (labelledHash("castaway static ipv4 host", publicKey)[0]! % 254);
  return addressText(bytes);
}
