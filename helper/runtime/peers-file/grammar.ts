// The text of a peers file. Pure, and the whole text is looked at: all mistakes are told at once. No message repeats a
// word that stands where a secret may.
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { landingRanges } from "#protocol/forwarding/landing-ranges.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import { isCandidateHost } from "#protocol/invite/candidate-codec.ts";
import {
  AddressError,
  canonicalAddress,
  isMulticast,
  parsePrefix,
  prefixContains,
  type Address,
  type Prefix,
} from "#wire/address.ts";
import type { Place, Problem } from "../routes-file/grammar.ts";

/** A pre-shared key, or the file that it stands in. */
export type PskText =
  | { readonly kind: "key"; readonly key: Uint8Array }
  | { readonly kind: "file"; readonly path: string };

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
const NAME = /^[a-z][a-z0-9_.-]{0,25}$/i;
/** 32 bytes: 43 digits, of which the last has two bits of zero, and the sign that fills up. */
const KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;
const RATE = /^(\d{1,6}(?:\.\d{1,3})?)([kMG])$/;
const UNIT: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9 };
const STATEMENTS = "peer, network, address, share, psk, psk-file and forward";
const OF_PEER = "key, endpoint, address, ranges, psk, psk-file, limit and hub";

class Mistake extends Error {}

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

function nameOf(text: string): string {
  if (NAME.test(text)) return text;
  throw new Mistake(
    `${quoted(text)} is no name: a letter, then letters, digits, "-", "_" and ".", 26 at most`,
  );
}

/** A word that should be a key may be a secret in the wrong place: it is not repeated. */
function keyOf(text: string, what: string): Uint8Array {
  const bytes = KEY.test(text) ? Uint8Array.fromBase64(text) : undefined;
  if (!bytes) throw new Mistake(`${what} is not 32 bytes in base64: 44 characters, the last one "="`);
  if (bytes.every((byte) => byte === 0)) throw new Mistake(`${what} is nothing but zeros`);
  return bytes;
}

function pskOf(keyword: "psk" | "psk-file", value: string): PskText {
  if (keyword === "psk") return { kind: "key", key: keyOf(value, "psk") };
  if (!value.startsWith("/"))
    throw new Mistake(`psk-file takes a path from the root: ${quoted(value)} is none`);
  return { kind: "file", path: value };
}

/** The key in the text of a psk-file; undefined: there is none. */
export function pskOfFile(text: string): Uint8Array | undefined {
  const trimmed = text.trim();
  return KEY.test(trimmed) ? Uint8Array.fromBase64(trimmed) : undefined;
}

function endpointOf(text: string): Candidate {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw new Mistake(
      `endpoint needs HOST:PORT, an IPv6 address in brackets: ${quoted(text)}. The port is 42268, unless set otherwise there`,
    );
  if (!isCandidateHost(host))
    throw new Mistake(`${quoted(host)} is neither an address nor the name of a computer`);
  return { host: canonicalAddress(host) ?? host.toLowerCase(), port: Number(port) };
}

const UNUSABLE = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127", "fe80::/10"].map(
  parsePrefix,
);

function unicastAddress(text: string): Address {
  const address = canonicalAddress(text);
  if (address === undefined)
    throw new Mistake(`${quoted(text)} is no address; one address, without a length, fits here`);
  if (isMulticast(address) || UNUSABLE.some((prefix) => prefixContains(prefix, address)))
    throw new Mistake(`${address} cannot be an address of a computer in the tunnel`);
  return address;
}

function unicastRange(text: string): Prefix {
  const range = parsePrefix(text);
  if (range.length < 8) throw new Mistake(`${quoted(text)} is too wide: a range has a length of 8 or more`);
  unicastAddress(range.address);
  return range;
}

const ROUTABLE = scopePolicy(["224.0.0.0/4", "ff00::/8"]);

function sharedRange(text: string): Prefix {
  const range = parsePrefix(text);
  const shortest = range.address.includes(":") ? 8 : 4;
  if (!isMulticast(range.address) || range.length < shortest)
    throw new Mistake(`${quoted(text)} is no range of multicast groups`);
  if (landingRanges([range], ROUTABLE).length === 0)
    throw new Mistake(`${quoted(text)} stays on its link, whatever is shared`);
  return range;
}

function rateOf(text: string): number {
  const [, amount, unit] = RATE.exec(text) ?? [];
  const rate = Math.round(Number(amount) * (UNIT[unit ?? ""] ?? Number.NaN));
  if (rate >= 64_000 && rate <= 100e9) return rate;
  throw new Mistake(`limit takes a rate from 64k to 100G, such as 20M: ${quoted(text)}`);
}

/** What somebody wrote, where it may be anything. A word as long as a key may be one. */
function quoted(word: string): string {
  return word.length >= 40 ? "that word" : `"${word}"`;
}
