import { addressBytes, parsePrefix, prefixContains, type Address } from "#wire/address.ts";

const ADMIN_SCOPED = parsePrefix("239.0.0.0/8"); // RFC 2365
const GLOBAL_SCOPE = 0xe; // RFC 4291 section 2.7

/**
 * May gateways have the group? They are anywhere on the Internet, so what is scoped to a site or an organisation is
 * theirs only where somebody said so. What is never routed is left out by the forwarding table in any case.
 */
export function isRelayed(group: Address, adminScoped: boolean): boolean {
  if (adminScoped) return true;
  if (!group.includes(":")) return !prefixContains(ADMIN_SCOPED, group);
  return (addressBytes(group)[1]! & 0x0f) === GLOBAL_SCOPE;
}
