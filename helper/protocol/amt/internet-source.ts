// What a gateway fetches without having been told to: streams of the Internet's, and no others.
import { family, isMulticast, parsePrefix, prefixContains, type Address } from "#wire/address.ts";

/** IANA's special-purpose registry (RFC 6890): what is no address of the Internet's. */
const NOT_OF_THE_INTERNET = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10", // shared by a provider's customers, RFC 6598
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15", // benchmarks, RFC 2544
  "224.0.0.0/3",
].map(parsePrefix);
const GLOBAL_UNICAST_6 = parsePrefix("2000::/3"); // RFC 4291 section 2.4
const ADMINISTRATIVE_4 = parsePrefix("239.0.0.0/8"); // RFC 2365
const GLOBAL_SCOPE = 0xe; // RFC 7346
const SOURCE_SPECIFIC_4 = parsePrefix("232.0.0.0/8"); // RFC 4607

/** Could somebody on the Internet have the address? */
export function isInternetSource(source: Address): boolean {
  if (family(source) === 6) return prefixContains(GLOBAL_UNICAST_6, source);
  return !NOT_OF_THE_INTERNET.some((prefix) => prefixContains(prefix, source));
}

/** Is the group meant for more than an organisation's own network? */
export function isInternetGroup(group: Address): boolean {
  if (!isMulticast(group)) return false;
  if (family(group) === 4) return !prefixContains(ADMINISTRATIVE_4, group);
  return Number.parseInt(group[3]!, 16) === GLOBAL_SCOPE; // "ff3e::1"
}

/** 232/8 and ff3x::/32, where nobody may ask for any source (RFC 4607 section 1). */
export function isSourceSpecific(group: Address): boolean {
  return family(group) === 4 ? prefixContains(SOURCE_SPECIFIC_4, group) : /^ff3[0-9a-f]:(:|0:)/.test(group);
}
