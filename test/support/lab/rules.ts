// nftables rulesets of the lab. Chains that switch at run time are empty at first and replaced whole.
import type { SitePlan } from "./topology.ts";

/**
 * How a router gives out its ports. plain, endpoint-independent: the same one towards everybody (Linux keeps the
 * sender's where it is free). symmetric: another one, at random, towards each destination.
 */
export type NatKind = "plain" | "endpoint-independent" | "symmetric";

export const TRANSLATIONS: Readonly<Record<NatKind, string>> = {
  plain: "masquerade",
  "endpoint-independent": "masquerade persistent",
  symmetric: "masquerade random,fully-random",
};

/** What a router with a firewall does with what nobody asked for: nothing, not even an answer. */
export const NO_STRANGERS = "meta l4proto { tcp, udp } ct state new drop";

/** A home router: masquerade, nothing in that was not asked for (IPv4), and chains for forwards and blocks. */
export function routerRules(site: SitePlan): string {
  return `
table ip nat {
  chain forwards { }
  chain translate {
    ${TRANSLATIONS.plain}
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "wan" jump forwards
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan" ip saddr ${site.lan4}.0/24 jump translate
  }
}
table inet guard {
  chain blocked { }
  chain inbound6 { }
  chain strangers { }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "wan" jump strangers
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    jump blocked
    meta nfproto ipv6 iifname "wan" jump inbound6
    meta nfproto ipv4 iifname "wan" ct state new ct status dnat accept
    meta nfproto ipv4 iifname "wan" ct state new drop
  }
}
`;
}

/** The internet drops on its links to the sites, on request. */
export function internetRules(sites: readonly SitePlan[]): string {
  const chains = sites.map((site) => `  chain loss_${site.name} { }\n`).join("");
  const jumps = sites
    .map(
      (site) =>
        `    iifname "${site.name}" jump loss_${site.name}\n    oifname "${site.name}" jump loss_${site.name}\n`,
    )
    .join("");
  return `
table inet loss {
${chains}  chain forward {
    type filter hook forward priority filter; policy accept;
${jumps}  }
}
`;
}

export function replaceChain(table: string, chain: string, rules: readonly string[]): string {
  return [
    `flush chain ${table} ${chain}`,
    ...rules.map((rule) => `add rule ${table} ${chain} ${rule}`),
    "",
  ].join("\n");
}

/** `share`: 0 to 1 of all packets, each drawn for itself. */
export function dropRule(share: number): string {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`drop share ${share} is not between 0 and 1`);
  return `numgen random mod 1000000 < ${Math.round(share * 1_000_000)} counter drop`;
}

/** ICMP's words for "too big" do not leave the machine. */
export function tooBigRules(silent: boolean): string {
  const none = "table inet mute { }\ndelete table inet mute\n";
  if (!silent) return none;
  return `${none}table inet mute {
  chain output {
    type filter hook output priority filter; policy accept;
    icmp type destination-unreachable drop
    icmpv6 type packet-too-big drop
  }
}
`;
}
