import { family, parsePrefix, prefixContains, type Address } from "#wire/address.ts";

/**
 * IANA's special-purpose registries, as far as an address of theirs on a router's outside means that there is another
 * NAT behind it, or no way out. Documentation prefixes are left out: nobody's router has one, and labs do.
 */
const NOT_PUBLIC = [
  "0.0.0.0/8", // RFC 791
  "10.0.0.0/8", // RFC 1918
  "100.64.0.0/10", // RFC 6598: the provider's NAT
  "127.0.0.0/8", // RFC 1122
  "169.254.0.0/16", // RFC 3927
  "172.16.0.0/12", // RFC 1918
  "192.0.0.0/24", // RFC 6890; 192.0.0.0/29 is DS-Lite's (RFC 6333)
  "192.168.0.0/16", // RFC 1918
  "198.18.0.0/15", // RFC 2544
  "224.0.0.0/3", // multicast, reserved, broadcast
].map(parsePrefix);
const GLOBAL6 = parsePrefix("2000::/3");

/** Can everybody on the internet send to it? */
export function isPublicAddress(address: Address): boolean {
  if (family(address) === 6) return prefixContains(GLOBAL6, address);
  return !NOT_PUBLIC.some((prefix) => prefixContains(prefix, address));
}
