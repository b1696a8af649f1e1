import { isLan, type Link } from "#ports/links.ts";
import { addressBytes, family, type Address } from "#wire/address.ts";
import type { LanMode } from "./lan-vif.ts";

export type LanChoice = LanMode | "off";

/**
 * How an interface is used that nobody chose about. The host of a network shares its LANs: interfaces with a
 * private address or the way out. A guest's own LAN is not ours to send queries and streams to: there, only the
 * programs of this computer are served.
 */
export function defaultLanMode(link: Link, hosting: boolean): LanChoice {
  if (!isLan(link) || !link.running) return "off";
  if (!hosting) return "local";
  const home = link.defaultRoute || link.addresses.some((own) => isPrivate(own.address));
  return home ? "full" : "local";
}

/** RFC 1918 and RFC 4193. */
function isPrivate(address: Address): boolean {
  const [a = 0, b = 0] = addressBytes(address);
  if (family(address) === 6) return (a & 0xfe) === 0xfc;
  return a === 10 || (a === 172 && (b & 0xf0) === 16) || (a === 192 && b === 168);
}
