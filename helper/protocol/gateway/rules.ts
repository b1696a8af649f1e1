// The nftables rules of a gateway: one table of our own, of the inet family; no other is ever touched.
import type { GatewayPlan } from "#ports/gateway.ts";
import type { Guard } from "./forwarding-settings.ts";
import { family, prefixText, type Family, type Prefix } from "#wire/address.ts";

const NAME = /^[A-Za-z0-9_.@+-]{1,15}$/;

/** Can rules name the interface? The kernel lets names be almost anything. */
export function isPlainName(interfaceName: string): boolean {
  return NAME.test(interfaceName);
}

/** One table for each TUN, so that two services on one computer do not undo each other's. */
export function tableName(tun: string): string {
  return tun === "castaway0" ? "castaway" : `castaway-${tun}`;
}

/** Adds the table first: deleting one that is not there would be an error. */
export function noRules(tun: string): string {
  const table = `table inet ${tableName(tun)}`;
  return `add ${table}\ndelete ${table}\n`;
}

/** Fails where the table is not there. */
export function lookForRules(tun: string): string {
  return `list table inet ${tableName(tun)}\n`;
}

/** Replaces what was there, in one transaction. Throws where a name would not be taken for a name. */
export function gatewayRules(plan: GatewayPlan, guarded: readonly Guard[] = []): string {
  const { tun, members, lans, subnets } = plan;
  for (const name of [tun, ...lans.map(nameOf), ...subnets.map(nameOf)])
    if (!isPlainName(name)) throw new Error(`rules cannot name the interface ${JSON.stringify(name)}`);
  const fromMembers = (to: Prefix): string[] =>
    members
      .filter((prefix) => family(prefix.address) === family(to.address))
      .map((prefix) => `${ip(to)} saddr ${prefixText(prefix)} ${ip(to)} daddr ${prefixText(to)}`);
  const toLans = lans.flatMap(({ interfaceName, prefix }) =>
    fromMembers(prefix).map((match) => `oifname "${interfaceName}" ${match}`),
  );
  const mapped = lans.flatMap(({ prefix, mapped: as }) =>
    as
      ? [
          `iifname "${tun}" dnat ${ip(prefix)} prefix to ${ip(prefix)} daddr map { ${prefixText(as)} : ${prefixText(prefix)} }`,
        ]
      : [],
  );
  const toSubnets = subnets.map(
    ({ interfaceName, subnet }) => `oifname "${interfaceName}" ip6 daddr ${prefixText(subnet)} accept`,
  );
  const fromSubnets = subnets.flatMap(({ interfaceName, subnet, reach }) =>
    reach.map(
      (to) => `iifname "${interfaceName}" ip6 saddr ${prefixText(subnet)} ip6 daddr ${prefixText(to)} accept`,
    ),
  );
  return `${noRules(tun)}table inet ${tableName(tun)} {
${chain("mapped", "type nat hook prerouting priority dstnat; policy accept;", mapped)}
${chain("forward", "type filter hook forward priority filter; policy accept;", [
  // Out of the same interface it may: bridged frames pass here too, where br_netfilter is loaded.
  ...guarded
    .filter(({ interfaceName }) => isPlainName(interfaceName))
    .map(
      ({ family: of, interfaceName: name }) =>
        `meta nfproto ipv${of} iifname "${name}" oifname != { "${tun}", "${name}" } counter drop`,
    ),
  `iifname "${tun}" jump from_tunnel`,
  `oifname "${tun}" jump to_tunnel`,
])}
${chain("from_tunnel", "", [CLAMP, ANSWERS, ...toLans.map((match) => `${match} accept`), ...toSubnets, "counter drop"])}
${chain("to_tunnel", "", [CLAMP, ANSWERS, ...fromSubnets, "counter drop"])}
${chain(
  "leaving",
  "type nat hook postrouting priority srcnat; policy accept;",
  toLans.map((match) => `${match} masquerade`),
)}
}
`;
}

/** What belongs to connections that were let through. */
const ANSWERS = "ct state established,related accept";
/** The tunnel carries less than a LAN does, and not every sender hears of it (RFC 4459 section 3.2). */
const CLAMP = "tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu";

function chain(name: string, hook: string, rules: readonly string[]): string {
  const lines = [...(hook ? [hook] : []), ...rules];
  return `  chain ${name} {\n${lines.map((line) => `    ${line}\n`).join("")}  }`;
}

function ip({ address }: Prefix): "ip" | "ip6" {
  const of: Family = family(address);
  return of === 4 ? "ip" : "ip6";
}

function nameOf({ interfaceName }: { readonly interfaceName: string }): string {
  return interfaceName;
}
