// Routes to LANs behind the tunnel. They stand in a table of their own, which what we send to other members ourselves
// does not look into: with IPv6, the host's own outer address is on the LAN that it shares, and its packets would
// otherwise go into the tunnel that they carry.
import { family, prefixText } from "#wire/address.ts";
import type { TunAddresses } from "#ports/tun-device.ts";
import { OWN_MARK } from "./constants.ts";
import type { NetlinkSocket } from "./netlink.ts";
import { addRule, deleteRule, hasRule, type UnmarkedRule } from "./rtnetlink-rules.ts";
import { addRoute, deleteRoute, listTable } from "./rtnetlink-routes.ts";

/** Before the rules for table main (32766) and for VPNs that take everything (wg-quick: 32764). */
const PRIORITY = 32_500;
const FIRST_TABLE = 0x4357_0000; // "CW"

/** One table for each TUN. */
function tableOf(interfaceIndex: number): number {
  return FIRST_TABLE + (interfaceIndex & 0xffff);
}

/** Makes the routes exactly these. */
export function configureLans(netlink: NetlinkSocket, index: number, lans: TunAddresses["lans"]): void {
  const table = tableOf(index);
  for (const version of [4, 6] as const) {
    const wanted = lans.filter(({ prefix }) => family(prefix.address) === version);
    const rule: UnmarkedRule = { family: version, priority: PRIORITY, mark: OWN_MARK, table };
    const ruled = hasRule(netlink, version, table);
    if (wanted.length === 0 && !ruled) continue;
    const present = listTable(netlink, version, table);
    for (const { prefix, source } of wanted) addRoute(netlink, prefix, index, { table, source });
    const kept = new Set(wanted.map(({ prefix }) => prefixText(prefix)));
    for (const { destination } of present)
      if (!kept.has(prefixText(destination))) deleteRoute(netlink, destination, index, { table });
    if (wanted.length > 0 && !ruled) addRule(netlink, rule);
    if (wanted.length === 0) deleteRule(netlink, rule);
  }
}
