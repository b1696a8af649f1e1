// Would this computer's firewall drop what Castaway needs? The rules are read, and asked about packets that do not
// exist. Members' packets in the air are not touched by it: AF_PACKET sees frames before any rule does.
import type { Check } from "#contract/snapshot.ts";
import { fail, ok, warn, type Subject, type Topic } from "./topic.ts";
import type { ImaginedPacket } from "./firewall/packet.ts";
import { readRuleset, type Ruleset } from "./firewall/ruleset.ts";
import { verdictOn } from "./firewall/verdict.ts";

/** A packet that has to get through, what is lost without it, and how a rule that lets it in is written. */
interface Need {
  readonly packet: ImaginedPacket;
  readonly what: string;
  readonly consequence: string;
  /** In the words of nft; of ufw and firewalld where they have words for it. */
  readonly rule: string;
  readonly ufw?: string;
  readonly firewalld?: string;
  /** Without it there is no connection at all. */
  readonly vital?: true;
}

export const firewall: Topic = {
  id: "firewall",
  title: "the firewall",
  examine: async (subject) => {
    const dump = await subject.probe.firewall();
    if (!dump.readable)
      return [
        warn(
          "firewall",
          `The firewall's rules cannot be read: ${dump.reason}.`,
          "As root: nft list ruleset. UDP and IGMP have to get in, and what comes by the tunnel's interface.",
        ),
      ];
    const rules = readRuleset(dump.rules);
    if (!rules)
      return [warn("firewall", "What nft prints is not understood.", "Look at it: nft list ruleset")];
    const found = [...needs(subject)].flatMap((need) => judge(need, rules));
    const legacy = warn(
      "firewall",
      "Older iptables holds rules too, which are not looked at.",
      "Look at them: iptables-legacy-save",
    );
    const hooks = [...rules.chains.values()].filter(
      ({ hook }) => hook?.name === "input" || hook?.name === "output",
    );
    const none =
      hooks.length === 0 ? "There are no rules for what comes in." : "It lets in what Castaway needs.";
    return [...found, ...(dump.legacy ? [legacy] : found.length > 0 ? [] : [ok("firewall", none)])];
  },
};

function judge(need: Need, rules: Ruleset): Check[] {
  const verdict = verdictOn(need.packet, rules);
  if (verdict.outcome === "accept") return [];
  const { family, table, name } = verdict.base;
  const chains = [...rules.chains.values()];
  const nft = `nft insert rule ${family} ${table} ${name} ${need.rule} accept`;
  let remedy = nft;
  if (need.firewalld && chains.some((chain) => chain.table === "firewalld")) remedy = need.firewalld;
  else if (need.ufw && chains.some((chain) => chain.name.startsWith("ufw"))) remedy = need.ufw;
  const drops = verdict.outcome === "drop" ? "drops" : "may drop";
  const message = `It ${drops} ${need.what} (${verdict.where}): ${need.consequence}.`;
  const certain = need.vital && verdict.outcome === "drop";
  return [certain ? fail("firewall", message, remedy) : warn("firewall", message, remedy)];
}

function* needs({ engine }: Subject): Generator<Need> {
  const { port } = engine.datagrams;
  const hosting = engine.networks.hosted?.enabled === true;
  const joined = engine.networks.joined.size > 0;
  for (const link of engine.lans.links()) {
    if (!link.defaultRoute) continue;
    const families = familiesOf(link.addresses);
    for (const family of families) {
      const outer = { family, interface: link.name, protocol: "udp" } as const;
      if (hosting)
        yield {
          packet: { ...outer, hook: "input", state: "new", destinationPort: port },
          what: `IPv${family} calls to UDP port ${port} on ${link.name}`,
          consequence: "members cannot reach this computer",
          rule: `udp dport ${port}`,
          ufw: `ufw allow ${port}/udp`,
          firewalld: `firewall-cmd --add-port=${port}/udp`,
          vital: true,
        };
      else if (joined)
        yield {
          packet: { ...outer, hook: "input", state: "established", destinationPort: port },
          what: `IPv${family} answers to UDP port ${port} on ${link.name}`,
          consequence: "no host can be reached over UDP",
          rule: `udp dport ${port}`,
          ufw: `ufw allow ${port}/udp`,
          firewalld: `firewall-cmd --add-port=${port}/udp`,
          vital: true,
        };
      if (hosting || joined)
        yield {
          packet: { ...outer, hook: "output", state: "new", sourcePort: port },
          what: `IPv${family} packets from UDP port ${port} on ${link.name}`,
          consequence: "nobody can be called",
          rule: `udp sport ${port}`,
          vital: true,
        };
    }
  }
  for (const { name, link } of engine.lans.vifs()) yield* membershipNeeds(name, familiesOf(link.addresses));
  const tun = engine.tun.name;
  if (tun !== undefined && joined)
    for (const [family, destination] of [
      [4, "239.1.2.3"],
      [6, "ff18::123"],
    ] as const)
      yield {
        packet: { hook: "input", family, interface: tun, protocol: "udp", state: "new", destination },
        what: `IPv${family} multicast that comes by ${tun}`,
        consequence: "programs on this computer hear nothing of it",
        rule: `iifname ${tun}`,
        ufw: `ufw allow in on ${tun}`,
        firewalld: `firewall-cmd --zone=trusted --add-interface=${tun}`,
      };
}

/** The kernel has to hear questions, and to answer them, or switches end its streams after some minutes. */
function* membershipNeeds(name: string, families: readonly (4 | 6)[]): Generator<Need> {
  const consequence = `streams from ${name} end after some minutes, where a switch looks at joins`;
  for (const family of families) {
    const protocol = family === 4 ? "igmp" : "icmpv6";
    const base = { family, interface: name, protocol, state: family === 4 ? "new" : "untracked" } as const;
    const rule =
      family === 4 ? "ip protocol igmp" : "icmpv6 type { mld-listener-query, mld2-listener-report }";
    const what = family === 4 ? "IGMP" : "MLD";
    yield {
      packet: {
        ...base,
        hook: "input",
        destination: family === 4 ? "224.0.0.1" : "ff02::1",
        type: ["mld-listener-query", 130],
      },
      what: `${what} queries on ${name}`,
      consequence,
      rule,
    };
    yield {
      packet: {
        ...base,
        hook: "output",
        destination: family === 4 ? "224.0.0.22" : "ff02::16",
        type: ["mld2-listener-report", 143],
      },
      what: `${what} reports on ${name}`,
      consequence,
      rule,
    };
  }
}

function familiesOf(addresses: readonly { readonly address: string }[]): (4 | 6)[] {
  return ([4, 6] as const).filter((family) =>
    addresses.some(({ address }) => address.includes(":") === (family === 6)),
  );
}
