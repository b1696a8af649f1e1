// What `nft -j list ruleset` prints (libnftables-json(5)), as far as it decides about packets.
import * as v from "valibot";

/** Expressions are trees of many kinds: matching.ts reads those that it knows, and takes the others as open. */
export type Expression = unknown;

export interface Rule {
  readonly handle: number;
  readonly statements: readonly Expression[];
}

export interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly rules: readonly Rule[];
  /** Of a base chain: where the kernel calls it, in which order, and what becomes of what it lets through. */
  readonly hook?: { readonly name: string; readonly priority: number; readonly policy: "accept" | "drop" };
}

export interface Ruleset {
  /** By "family table name". */
  readonly chains: ReadonlyMap<string, Chain>;
  readonly sets: ReadonlyMap<string, readonly Expression[]>;
}

const place = { family: v.string(), table: v.string() };
const chainSchema = v.object({
  ...place,
  name: v.string(),
  hook: v.optional(v.string()),
  prio: v.optional(v.number()),
  policy: v.optional(v.picklist(["accept", "drop"])),
});
const ruleSchema = v.object({
  ...place,
  chain: v.string(),
  handle: v.number(),
  expr: v.array(v.unknown()),
});
const setSchema = v.object({ ...place, name: v.string(), elem: v.optional(v.array(v.unknown()), []) });
const rulesetSchema = v.object({
  nftables: v.array(
    v.object({
      chain: v.optional(chainSchema),
      rule: v.optional(ruleSchema),
      set: v.optional(setSchema),
    }),
  ),
});

export function chainKey(family: string, table: string, name: string): string {
  return `${family} ${table} ${name}`;
}

/** undefined: it is not what nft prints. */
export function readRuleset(printed: unknown): Ruleset | undefined {
  const parsed = v.safeParse(rulesetSchema, printed);
  if (!parsed.success) return undefined;
  const rules = new Map<string, Rule[]>();
  const sets = new Map<string, readonly Expression[]>();
  for (const { rule, set } of parsed.output.nftables) {
    if (rule) {
      const key = chainKey(rule.family, rule.table, rule.chain);
      const known = rules.get(key) ?? [];
      known.push({ handle: rule.handle, statements: rule.expr });
      rules.set(key, known);
    }
    if (set) sets.set(chainKey(set.family, set.table, set.name), set.elem);
  }
  const chains = new Map<string, Chain>();
  for (const { chain } of parsed.output.nftables) {
    if (!chain) continue;
    const { family, table, name, hook, prio = 0, policy = "accept" } = chain;
    const key = chainKey(family, table, name);
    chains.set(key, {
      family,
      table,
      name,
      rules: rules.get(key) ?? [],
      ...(hook !== undefined && { hook: { name: hook, priority: prio, policy } }),
    });
  }
  return { chains, sets };
}
