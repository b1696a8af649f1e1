// What the rules do to an imagined packet, without sending one.
import { equals, holds, type Truth } from "./matching.ts";
import { factOf, type ImaginedPacket } from "./packet.ts";
import { chainKey, type Chain, type Rule, type Ruleset } from "./ruleset.ts";

/** drop: it is dropped for certain. depends: on what is not known here (a sender, a rate, a mark). */
export type Verdict =
  | { readonly outcome: "accept" }
  | { readonly outcome: "drop" | "depends"; readonly where: string; readonly base: Chain };

type End = { readonly end: "accept" | "drop"; readonly where: string };

interface Walk {
  /** How it ends if everything that depends does not happen; undefined: the chain lets it through. */
  readonly certain: End | undefined;
  /** How it may end else. */
  readonly possible: readonly End[];
}

/** Chains may call each other no deeper (the kernel's own limit is 16). */
const MAX_DEPTH = 16;

export function verdictOn(packet: ImaginedPacket, rules: Ruleset): Verdict {
  const base = [...rules.chains.values()]
    .filter((chain) => chain.hook?.name === packet.hook && concerns(chain.family, packet.family))
    .sort((a, b) => a.hook!.priority - b.hook!.priority);
  for (const chain of base) {
    const { certain, possible } = walk(packet, rules, chain, 0);
    const end = certain ?? { end: chain.hook!.policy, where: `policy of ${chainName(chain)}` };
    if (end.end === "drop") {
      const rescued = possible.some((one) => one.end === "accept");
      return { outcome: rescued ? "depends" : "drop", where: end.where, base: chain };
    }
    // A rule that may drop a packet of some sender, or of too many, is what a firewall is for: no finding.
  }
  return { outcome: "accept" };
}

function concerns(family: string, version: 4 | 6): boolean {
  return family === "inet" || family === (version === 4 ? "ip" : "ip6");
}

export function chainName({ family, table, name }: Chain): string {
  return `${family} ${table} ${name}`;
}

function walk(packet: ImaginedPacket, rules: Ruleset, chain: Chain, depth: number): Walk {
  const possible: End[] = [];
  if (depth > MAX_DEPTH) return { certain: undefined, possible };
  for (const rule of chain.rules) {
    const { truth, action } = judge(packet, rules, chain, rule);
    if (truth === false || !action) continue;
    if (action.kind === "return") {
      if (truth) return { certain: undefined, possible };
      continue; // it may go on, or not: what comes behind is as it is
    }
    if (action.kind === "end") {
      const end = { end: action.end, where: `${chainName(chain)}, handle ${rule.handle}` };
      if (truth) return { certain: end, possible };
      possible.push(end);
      continue;
    }
    const target = rules.chains.get(chainKey(chain.family, chain.table, action.target));
    if (!target) continue;
    const below = walk(packet, rules, target, depth + 1);
    possible.push(...below.possible);
    if (!truth) {
      if (below.certain) possible.push(below.certain);
      continue;
    }
    if (below.certain || action.kind === "goto") return { certain: below.certain, possible };
  }
  return { certain: undefined, possible };
}

type Action =
  | { readonly kind: "end"; readonly end: "accept" | "drop" }
  | { readonly kind: "return" }
  | { readonly kind: "jump" | "goto"; readonly target: string };

interface Judged {
  readonly truth: Truth;
  readonly action: Action | undefined;
}

/** Statements hold together from the left, up to the one that says what to do. */
function judge(packet: ImaginedPacket, rules: Ruleset, chain: Chain, rule: Rule): Judged {
  let truth = true as Truth;
  const and = (other: Truth): void => {
    truth =
      truth === false || other === false
        ? false
        : truth === undefined || other === undefined
          ? undefined
          : true;
  };
  for (const statement of rule.statements) {
    if (typeof statement !== "object" || statement === null) continue;
    const action = actionOf(statement);
    if (action) return { truth, action };
    if ("match" in statement) and(matched(packet, rules, chain, statement.match));
    else if ("vmap" in statement) {
      const mapped = mappedAction(packet, rules, chain, statement.vmap);
      and(mapped.truth);
      return { truth, action: mapped.action };
    } else if ("xt" in statement) and(extensionHolds(statement.xt, packet, rule));
    else if (OPEN.some((kind) => kind in statement)) and(undefined);
    if (truth === false) break;
  }
  return { truth, action: undefined };
}

/** Statements that let some packets through and others not. */
const OPEN = ["limit", "quota", "ct count"];

/**
 * What iptables puts into nftables as its own: nft shows the name and not what it asks for. A rule with nothing but a
 * connection's state is the one that everybody has: in with the answers, away with what belongs to nothing.
 */
function extensionHolds(extension: unknown, packet: ImaginedPacket, rule: Rule): Truth {
  const name = nameOf(extension);
  if (name === "comment") return true;
  if (name !== "conntrack" && name !== "state") return undefined;
  const matches = rule.statements.filter(
    (one) => typeof one === "object" && one !== null && ("match" in one || "xt" in one),
  );
  if (matches.length > 1) return undefined;
  const letsIn = rule.statements.some((one) => {
    const action = actionOf(one);
    return action?.kind === "end" && action.end === "accept";
  });
  return letsIn && packet.state === "established";
}

function nameOf(extension: unknown): unknown {
  return typeof extension === "object" && extension !== null && "name" in extension
    ? extension.name
    : undefined;
}

function matched(packet: ImaginedPacket, rules: Ruleset, chain: Chain, match: unknown): Truth {
  if (typeof match !== "object" || match === null || !("left" in match) || !("right" in match))
    return undefined;
  return holds(factOf(packet, match.left), "op" in match ? match.op : "==", match.right, rules, chain);
}

/** A map from values to verdicts: where none of its keys fits, the rule says nothing. */
function mappedAction(packet: ImaginedPacket, rules: Ruleset, chain: Chain, vmap: unknown): Judged {
  const nothing = { truth: false, action: undefined };
  if (typeof vmap !== "object" || vmap === null || !("key" in vmap) || !("data" in vmap)) return nothing;
  const fact = factOf(packet, vmap.key);
  if (fact === "absent" || typeof vmap.data !== "object" || vmap.data === null || !("set" in vmap.data))
    return nothing;
  const entries: unknown[] = Array.isArray(vmap.data.set) ? vmap.data.set : [];
  for (const entry of entries) {
    if (!Array.isArray(entry)) continue;
    const action = actionOf(entry[1]);
    const truth = fact === "unknown" ? undefined : equals(fact, entry[0], rules, chain);
    if (truth === true) return { truth, action };
    // One of several, nobody knows which: the first that ends it stands for them.
    if (truth === undefined && action?.kind === "end") return { truth, action };
  }
  return nothing;
}

function actionOf(statement: unknown): Action | undefined {
  if (typeof statement !== "object" || statement === null) return undefined;
  if ("accept" in statement) return { kind: "end", end: "accept" };
  if ("drop" in statement || "reject" in statement) return { kind: "end", end: "drop" };
  if ("xt" in statement && nameOf(statement.xt) === "REJECT") return { kind: "end", end: "drop" };
  if ("return" in statement) return { kind: "return" };
  for (const kind of ["jump", "goto"] as const) {
    const to: unknown = kind in statement ? (statement as Record<string, unknown>)[kind] : undefined;
    if (typeof to === "object" && to !== null && "target" in to && typeof to.target === "string")
      return { kind, target: to.target };
  }
  return undefined;
}
