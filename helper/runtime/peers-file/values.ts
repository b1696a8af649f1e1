// The values in a peers file, each with what it must be. No message repeats a word that stands where a secret may.
import { parseBitRate } from "#contract/bit-rate.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { landingRanges } from "#protocol/forwarding/landing-ranges.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import { isCandidateHost } from "#protocol/invite/candidate-codec.ts";
import {
  canonicalAddress,
  isMulticast,
  parsePrefix,
  prefixContains,
  type Address,
  type Prefix,
} from "#wire/address.ts";

/** A pre-shared key, or the file that it stands in. */
export type PskText =
  | { readonly kind: "key"; readonly key: Uint8Array }
  | { readonly kind: "file"; readonly path: string };

const NAME = /^[a-z][a-z0-9_.-]{0,25}$/i;
/** 32 bytes: 43 digits, of which the last has two bits of zero, and the sign that fills up. */
const KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/** What is wrong with a line. */
export class Mistake extends Error {}

export function nameOf(text: string): string {
  if (NAME.test(text)) return text;
  throw new Mistake(
    `${quoted(text)} is no name: a letter, then letters, digits, "-", "_" and ".", 26 at most`,
  );
}

/** A word that should be a key may be a secret in the wrong place: it is not repeated. */
export function keyOf(text: string, what: string): Uint8Array {
  const bytes = KEY.test(text) ? Uint8Array.fromBase64(text) : undefined;
  if (!bytes) throw new Mistake(`${what} is not 32 bytes in base64: 44 characters, the last one "="`);
  if (bytes.every((byte) => byte === 0)) throw new Mistake(`${what} is nothing but zeros`);
  return bytes;
}

export function pskOf(keyword: "psk" | "psk-file", value: string): PskText {
  if (keyword === "psk") return { kind: "key", key: keyOf(value, "psk") };
  if (!value.startsWith("/"))
    throw new Mistake(`psk-file takes a path from the root: ${quoted(value)} is none`);
  return { kind: "file", path: value };
}

/** The key in the text of a psk-file; undefined: there is none. */
export function pskOfFile(text: string): Uint8Array | undefined {
  const trimmed = text.trim();
  const bytes = KEY.test(trimmed) ? Uint8Array.fromBase64(trimmed) : undefined;
  return bytes?.some((byte) => byte !== 0) ? bytes : undefined;
}

export function endpointOf(text: string): Candidate {
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

export function unicastAddress(text: string): Address {
  const address = canonicalAddress(text);
  if (address === undefined)
    throw new Mistake(`${quoted(text)} is no address; one address, without a length, fits here`);
  if (isMulticast(address) || UNUSABLE.some((prefix) => prefixContains(prefix, address)))
    throw new Mistake(`${address} cannot be an address of a computer in the tunnel`);
  return address;
}

export function unicastRange(text: string): Prefix {
  const range = parsePrefix(text);
  if (range.length < 8) throw new Mistake(`${quoted(text)} is too wide: a range has a length of 8 or more`);
  unicastAddress(range.address);
  return range;
}

const ROUTABLE = scopePolicy(["224.0.0.0/4", "ff00::/8"]);

export function sharedRange(text: string): Prefix {
  const range = parsePrefix(text);
  const shortest = range.address.includes(":") ? 8 : 4;
  if (!isMulticast(range.address) || range.length < shortest)
    throw new Mistake(`${quoted(text)} is no range of multicast groups`);
  if (landingRanges([range], ROUTABLE).length === 0)
    throw new Mistake(`${quoted(text)} stays on its link, whatever is shared`);
  return range;
}

export function rateOf(text: string): number {
  const rate = parseBitRate(text);
  if (rate !== undefined) return rate;
  throw new Mistake(`limit takes a rate from 64k to 100G, such as 20M: ${quoted(text)}`);
}

/** What somebody wrote, where it may be anything. A word as long as a key may be one. */
export function quoted(word: string): string {
  return word.length >= 40 ? "that word" : `"${word}"`;
}
