// Does a property have the value that a rule asks for? Three answers: yes, no, and undefined for "that depends".
import { canonicalAddress, prefixContains } from "#wire/address.ts";
import type { Fact } from "./packet.ts";
import { chainKey, type Chain, type Ruleset } from "./ruleset.ts";

export type Truth = boolean | undefined;

export function holds(fact: Fact, operator: unknown, right: unknown, rules: Ruleset, chain: Chain): Truth {
  if (fact === "absent") return false; // nft tests for the header first, whatever the operator
  if (fact === "unknown") return undefined;
  switch (operator) {
    case "==":
    case "in":
      return equals(fact, right, rules, chain);
    case "!=": {
      const same = equals(fact, right, rules, chain);
      return same === undefined ? undefined : !same;
    }
    case "<":
    case ">":
    case "<=":
    case ">=":
      return compare(fact, operator, right);
    default:
      return undefined;
  }
}

export function equals(
  fact: readonly (string | number)[],
  right: unknown,
  rules: Ruleset,
  chain: Chain,
): Truth {
  if (Array.isArray(right)) return any(right.map((one) => equals(fact, one, rules, chain)));
  if (typeof right === "number") return fact.includes(right);
  if (typeof right === "string") {
    if (right.startsWith("@")) {
      const elements = rules.sets.get(chainKey(chain.family, chain.table, right.slice(1)));
      return elements && any(elements.map((one) => equals(fact, one, rules, chain)));
    }
    if (right === "*") return true;
    if (right.endsWith("*")) return fact.some((one) => String(one).startsWith(right.slice(0, -1)));
    return fact.some((one) => String(one) === right || sameAddress(String(one), right));
  }
  if (typeof right !== "object" || right === null) return undefined;
  if ("set" in right) return equals(fact, Array.isArray(right.set) ? right.set : [right.set], rules, chain);
  if ("elem" in right && typeof right.elem === "object" && right.elem !== null && "val" in right.elem)
    return equals(fact, right.elem.val, rules, chain);
  if ("prefix" in right) return inPrefix(fact, right.prefix);
  if ("range" in right && Array.isArray(right.range)) return inRange(fact, right.range);
  return undefined;
}

function any(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true;
  return truths.includes(undefined) ? undefined : false;
}

function sameAddress(one: string, other: string): boolean {
  const canonical = canonicalAddress(one);
  return canonical !== undefined && canonical === canonicalAddress(other);
}

function inPrefix(fact: readonly (string | number)[], prefix: unknown): Truth {
  if (typeof prefix !== "object" || prefix === null || !("addr" in prefix) || !("len" in prefix))
    return undefined;
  const { addr, len } = prefix;
  const address = typeof addr === "string" ? canonicalAddress(addr) : undefined;
  if (address === undefined || typeof len !== "number") return undefined;
  return fact.some((one) => {
    const known = canonicalAddress(String(one));
    return known !== undefined && prefixContains({ address, length: len }, known);
  });
}

function inRange(fact: readonly (string | number)[], range: readonly unknown[]): Truth {
  const [low, high] = range;
  if (typeof low !== "number" || typeof high !== "number") return undefined; // ranges of addresses
  return fact.some((one) => typeof one === "number" && one >= low && one <= high);
}

function compare(
  fact: readonly (string | number)[],
  operator: "<" | ">" | "<=" | ">=",
  right: unknown,
): Truth {
  const value = fact.find((one) => typeof one === "number");
  if (typeof value !== "number" || typeof right !== "number") return undefined;
  if (operator === "<") return value < right;
  if (operator === ">") return value > right;
  return operator === "<=" ? value <= right : value >= right;
}
