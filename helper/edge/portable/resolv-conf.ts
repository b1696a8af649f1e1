import { canonicalAddress, type Address } from "#wire/address.ts";

/** resolv.conf(5): more are not asked. */
const MAX_SERVERS = 3;

/** An address, for a link-local one with its interface behind a "%". */
export type NameServer = string;

/** The name servers of a resolv.conf(5); this computer's own where it names none. */
export function parseResolvConf(text: string): NameServer[] {
  const servers: NameServer[] = [];
  for (const line of text.split("\n")) {
    const [keyword, value] = line.trim().split(/\s+/);
    if (keyword !== "nameserver" || value === undefined) continue;
    const [host = "", zone, ...rest] = value.split("%");
    const address: Address | undefined = canonicalAddress(host);
    if (address === undefined || rest.length > 0) continue;
    servers.push(zone === undefined ? address : `${address}%${zone}`);
  }
  return servers.length > 0 ? servers.slice(0, MAX_SERVERS) : ["127.0.0.1"];
}
