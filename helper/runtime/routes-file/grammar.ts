// The text of a routes file: the grammar of smcroute.conf(5). Pure, and the whole text is looked at: all mistakes are
// told at once.
import { groupRefusal, scopePolicy } from "#protocol/forwarding/scope.ts";
import { AddressError, family } from "#wire/address.ts";
import { isWhole, parseStaticEntry, type StaticEntry } from "../store/static-entry.ts";
import { MAX_ADDRESSES, addressesOf } from "./address-range.ts";
import { Mistake, quoted } from "./mistake.ts";
import { PhyintProxyWords, type PhyintProxy } from "./phyint-proxy.ts";

export interface Place {
  readonly file: string;
  /** From 1; 0: the file as a whole. */
  readonly line: number;
}

/** An error keeps the file from being used at all; a warning says what a line does not do here. */
export interface Problem extends Place {
  readonly severity: "error" | "warning";
  readonly message: string;
}

/** Without its id. The group and the source of a join may be ranges here: a join of each address. */
export type FileEntry = Omit<StaticEntry, "id">;

export type Statement =
  | {
      readonly kind: "phyint";
      readonly at: Place;
      readonly name: string;
      readonly enabled: boolean;
      /** 1 where the line has none. */
      readonly ttlThreshold: number;
      /** Its part in a multicast proxy. */
      readonly proxy: PhyintProxy | undefined;
    }
  | { readonly kind: "quickleave"; readonly at: Place }
  | { readonly kind: "entry"; readonly at: Place; readonly entry: FileEntry }
  | { readonly kind: "include"; readonly at: Place; readonly pattern: string };

export interface ParsedText {
  readonly statements: readonly Statement[];
  readonly problems: readonly Problem[];
}

const MAX_OUT = 32; // smcroute's own bound
const INTERFACE = /^[^\s/\p{C}]{1,64}$/u;
const SCOPE = scopePolicy();

export function parseRoutesText(text: string, file: string): ParsedText {
  const statements: Statement[] = [];
  const problems: Problem[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const at = { file, line: index + 1 };
    try {
      const statement = parseLine(line, at, (message) =>
        problems.push({ ...at, severity: "warning", message }),
      );
      if (statement) statements.push(statement);
    } catch (error) {
      if (!(error instanceof Mistake || error instanceof AddressError)) throw error;
      problems.push({ ...at, severity: "error", message: error.message });
    }
  }
  return { statements, problems };
}

function parseLine(line: string, at: Place, warn: (message: string) => void): Statement | undefined {
  const code = line.replace(/(^|\s)#.*$/, "").trim();
  if (/[^\P{Cc}\t]/u.test(code)) throw new Mistake("there are control characters in the line");
  if (code === "") return undefined;
  const [keyword = "", ...words] = code.split(/\s+/);
  switch (keyword) {
    case "phyint":
      return phyint(words, at, warn);
    case "mgroup":
    case "mroute":
      return { kind: "entry", at, entry: entry(keyword, words) };
    case "include": {
      const [pattern, ...rest] = words;
      if (pattern === undefined || rest.length > 0) throw new Mistake("include takes one path");
      if (!pattern.startsWith("/"))
        throw new Mistake(`include takes a path from the root: ${quoted(pattern)} is none`);
      return { kind: "include", at, pattern };
    }
    case "quickleave":
      if (words.length > 0) throw new Mistake("quickleave stands alone");
      return { kind: "quickleave", at };
    default:
      throw new Mistake(`${quoted(keyword)} is none of phyint, mgroup, mroute, quickleave and include`);
  }
}

function phyint(words: readonly string[], at: Place, warn: (message: string) => void): Statement {
  const [name, ...rest] = words;
  if (name === undefined) throw new Mistake("phyint names no interface");
  checkInterface(name);
  if (name.endsWith("+")) throw new Mistake("phyint names one interface: a wildcard does not fit");
  let enabled: boolean | undefined;
  let ttlThreshold = 1;
  const proxy = new PhyintProxyWords();
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i]!;
    if (word === "enable" || word === "disable" || word === "disabled") {
      if (enabled !== undefined) throw new Mistake("phyint is to enable or to disable, and once");
      enabled = word === "enable";
    } else if (word === "mrdisc")
      warn(
        "mrdisc does nothing here: Castaway sends IGMP queries on the interface, which switches go by too",
      );
    else if (word === "ttl-threshold" || word === "threshold") ttlThreshold = threshold(rest[++i], word);
    else if (!proxy.take(word, () => rest[++i]))
      throw new Mistake(
        `${quoted(word)} is none of enable, disable, mrdisc, ttl-threshold, upstream, downstream, altnet, whitelist, ` +
          "blacklist and ratelimit",
      );
  }
  return {
    kind: "phyint",
    at,
    name,
    enabled: enabled ?? true,
    ttlThreshold,
    proxy: proxy.result(enabled ?? true),
  };
}

function threshold(text: string | undefined, word: string): number {
  const value = text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > 255) throw new Mistake(`${word} takes a number from 1 to 255`);
  return value;
}

function entry(keyword: "mgroup" | "mroute", words: readonly string[]): FileEntry {
  const given = new Map<string, string>();
  const toVifs: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "to" && keyword === "mroute") {
      toVifs.push(...words.slice(i + 1));
      break;
    }
    if (word !== "from" && word !== "source" && word !== "group")
      throw new Mistake(`${quoted(word)} does not fit into ${keyword}`);
    if (given.has(word)) throw new Mistake(`${word} is there twice`);
    const value = words[++i];
    if (value === undefined) throw new Mistake(`nothing follows ${word}`);
    given.set(word, value);
  }
  const fromVif = given.get("from");
  const group = given.get("group");
  if (fromVif === undefined) throw new Mistake(`${keyword} needs from and an interface`);
  if (group === undefined) throw new Mistake(`${keyword} needs group and an address`);
  if (keyword === "mroute" && toVifs.length === 0) throw new Mistake("mroute needs to and an interface");
  if (toVifs.length > MAX_OUT) throw new Mistake(`a route has ${MAX_OUT} interfaces behind to at most`);
  for (const name of [fromVif, ...toVifs]) checkInterface(name);
  const source = given.get("source");
  const text = { group, source: source === "0.0.0.0" || source === "::" ? undefined : source };
  // The rules of a route are those of a range; a join's range is as many joins.
  const rules = keyword === "mroute" ? toVifs : [fromVif];
  const parsed = parseStaticEntry(text, { id: "", fromVif, toVifs: rules }, SCOPE);
  if (keyword === "mgroup") checkJoin(parsed);
  return { group: parsed.group, source: parsed.source, fromVif, toVifs };
}

function checkJoin({ group, source }: Pick<FileEntry, "group" | "source">): void {
  const bits = family(group.address) === 4 ? 32 : 128;
  if (2 ** (bits - group.length) * (source ? 2 ** (bits - source.length) : 1) > MAX_ADDRESSES)
    throw new Mistake(`this would be more than ${MAX_ADDRESSES} joins: a join is of each address of a range`);
  if (isWhole(group)) return;
  for (const address of addressesOf(group))
    if (groupRefusal(SCOPE, address) !== undefined)
      throw new Mistake(`${address} stays on its link: it is none of the shared groups`);
}

function checkInterface(name: string): void {
  if (!INTERFACE.test(name)) throw new Mistake(`${quoted(name)} is not the name of an interface`);
}
