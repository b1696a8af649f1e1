// Would this computer's firewall drop what Castaway needs? The rules are read, and asked about packets that do not
// exist. Members' packets in the air are not touched by it: AF_PACKET sees frames before any rule does.
import { tableName } from "#protocol/gateway/rules.ts";
import type { Check } from "#contract/snapshot.ts";
import { fail, ok, warn, type Topic } from "./topic.ts";
import { needs, type Need } from "./firewall/needs.ts";
import { readRuleset, type Ruleset } from "./firewall/ruleset.ts";
import { verdictOn } from "./firewall/verdict.ts";

const HOOKS: ReadonlySet<string> = new Set(["input", "output", "forward"]);

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
    const others = withoutOwn(rules, subject.engine.tun.name);
    const found = [...needs(subject)].flatMap((need) => judge(need, others));
    const legacy = warn(
      "firewall",
      "Older iptables holds rules too, which are not looked at.",
      "Look at them: iptables-legacy-save",
    );
    const hooks = [...rules.chains.values()].filter(({ hook }) => hook !== undefined && HOOKS.has(hook.name));
    const none =
      hooks.length === 0 ? "There are no rules for what comes in." : "It lets in what Castaway needs.";
    return [...found, ...(dump.legacy ? [legacy] : found.length > 0 ? [] : [ok("firewall", none)])];
  },
};

/** Our own table lets what it is to let through through, and by addresses, which no imagined packet has. */
function withoutOwn(rules: Ruleset, tun: string | undefined): Ruleset {
  if (tun === undefined) return rules;
  const own = tableName(tun);
  const chains = [...rules.chains].filter(([, { family, table }]) => family !== "inet" || table !== own);
  return { ...rules, chains: new Map(chains) };
}

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
