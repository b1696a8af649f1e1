// The text of a peers file. Pure, and the whole text is looked at: all mistakes are told at once.
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { AddressError, type Address, type Prefix } from "#wire/address.ts";
import type { Place, Problem } from "../routes-file/grammar.ts";
import {
  endpointOf,
  keyOf,
  Mistake,
  nameOf,
  pskOf,
  quoted,
  rateOf,
  sharedRange,
  unicastAddress,
  unicastRange,
  type PskText,
} from "./values.ts";

export interface PeerStatement {
  readonly kind: "peer";
  readonly at: Place;
  readonly name: string;
  readonly publicKey: Uint8Array; // 32 bytes
  readonly endpoints: readonly Candidate[];
  readonly addresses: readonly Address[];
  /** What else is reached through it. */
  readonly ranges: readonly Prefix[];
  readonly psk: PskText | undefined;
  /** It passes on what its other peers send. */
  readonly hub: boolean;
  /** The most that is sent to it, bits a second. */
  readonly maximumBps: number | undefined;
}

export type PeersStatement =
  | PeerStatement
  | { readonly kind: "network"; readonly at: Place; readonly name: string }
  | { readonly kind: "address"; readonly at: Place; readonly addresses: readonly Address[] }
  | { readonly kind: "share"; readonly at: Place; readonly ranges: readonly Prefix[] }
  | { readonly kind: "psk"; readonly at: Place; readonly psk: PskText }
  | { readonly kind: "forward"; readonly at: Place };

export interface ParsedPeers {
  readonly statements: readonly PeersStatement[];
  readonly problems: readonly Problem[];
}

const MAX_ENDPOINTS = 4;
const MAX_RANGES = 32;
const STATEMENTS = "peer, network, address, share, psk, psk-file and forward";
const OF_PEER = "key, endpoint, address, ranges, psk, psk-file, limit and hub";

export function parsePeersText(text: string, file: string): ParsedPeers {
  const statements: PeersStatement[] = [];
  const problems: Problem[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const at = { file, line: index + 1 };
    try {
      const statement = parseLine(line, at);
      if (statement) statements.push(statement);
    } catch (error) {
      if (!(error instanceof Mistake || error instanceof AddressError)) throw error;
      problems.push({ ...at, severity: "error", message: error.message });
    }
  }
  return { statements, problems };
}

function parseLine(line: string, at: Place): PeersStatement | undefined {
  const code = line.replace(/(^|\s)#.*$/, "").trim();
  if (/[^\P{Cc}\t]/u.test(code)) throw new Mistake("there are control characters in the line");
  if (code === "") return undefined;
  const [keyword = "", ...words] = code.split(/\s+/);
  switch (keyword) {
    case "peer":
      return peer(words, at);
    case "network":
      return { kind: "network", at, name: nameOf(only(words, "network takes one name")) };
    case "address":
      return { kind: "address", at, addresses: some(words, keyword).map(unicastAddress) };
    case "share":
      return { kind: "share", at, ranges: some(words, keyword).map(sharedRange) };
    case "psk":
    case "psk-file":
      return { kind: "psk", at, psk: pskOf(keyword, only(words, `${keyword} takes one word`)) };
    case "forward":
      if (words.length > 0) throw new Mistake("nothing follows forward");
      return { kind: "forward", at };
    default:
      throw new Mistake(`${quoted(keyword)} is none of ${STATEMENTS}`);
  }
}

interface Given {
  publicKey?: Uint8Array;
  endpoints: Candidate[];
  addresses: Address[];
  ranges: Prefix[];
  psk?: PskText;
  hub: boolean;
  maximumBps?: number;
}

function peer(words: readonly string[], at: Place): PeerStatement {
  const [first, ...rest] = words;
  if (first === undefined) throw new Mistake("peer needs a name, and key with its public key");
  const name = nameOf(first);
  const given: Given = { endpoints: [], addresses: [], ranges: [], hub: false };
  const left = [...rest];
  for (let word; (word = left.shift()) !== undefined;) {
    if (word === "hub") given.hub = true;
    else take(given, word, () => valueOf(word!, left));
  }
  const { publicKey, psk, maximumBps, ...more } = given;
  if (!publicKey)
    throw new Mistake(`peer ${name} needs key and its public key: castaway key show there prints it`);
  if (more.endpoints.length > MAX_ENDPOINTS)
    throw new Mistake(`a peer has ${MAX_ENDPOINTS} endpoints at most`);
  if (more.ranges.length > MAX_RANGES) throw new Mistake(`a peer has ${MAX_RANGES} ranges at most`);
  return { kind: "peer", at, name, publicKey, psk, maximumBps, ...more };
}

function take(given: Given, word: string, value: () => string): void {
  switch (word) {
    case "key":
      if (given.publicKey) throw new Mistake("key is there twice");
      given.publicKey = keyOf(value(), "the public key");
      return;
    case "endpoint":
      given.endpoints.push(...value().split(",").map(endpointOf));
      return;
    case "address":
      given.addresses.push(...value().split(",").map(unicastAddress));
      return;
    case "ranges":
      given.ranges.push(...value().split(",").map(unicastRange));
      return;
    case "psk":
    case "psk-file":
      if (given.psk) throw new Mistake("a peer has one psk or psk-file");
      given.psk = pskOf(word, value());
      return;
    case "limit":
      if (given.maximumBps !== undefined) throw new Mistake("limit is there twice");
      given.maximumBps = rateOf(value());
      return;
    default:
      throw new Mistake(`${quoted(word)} is none of ${OF_PEER}`);
  }
}

function valueOf(word: string, left: string[]): string {
  const value = left.shift();
  if (value === undefined) throw new Mistake(`nothing follows ${word}`);
  return value;
}

function only(words: readonly string[], message: string): string {
  const [word, ...rest] = words;
  if (word === undefined || rest.length > 0) throw new Mistake(message);
  return word;
}

function some(words: readonly string[], keyword: string): string[] {
  const all = words.flatMap((word) => word.split(",")).filter((word) => word !== "");
  if (all.length === 0) throw new Mistake(`nothing follows ${keyword}`);
  if (all.length > MAX_RANGES) throw new Mistake(`${keyword} takes ${MAX_RANGES} values at most`);
  return all;
}
