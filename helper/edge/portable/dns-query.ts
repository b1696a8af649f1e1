// One question to name servers, and what their answers say, by the library dns-packet, which knows no bounds of ours.
import { decode, encode, type DecodedPacket } from "dns-packet";
import type { DnsAnswer } from "#ports/name-lookup.ts";

const MAX_ENTRIES = 256;
const MAX_ALIASES = 8;
const HEADER = 12;
/** Nobody says how long "there is none" holds (RFC 2308 section 5 wants the zone's SOA to). */
const NEGATIVE_S = 300;
const RECURSION_DESIRED = 1 << 8;

export interface DnsQuestion {
  readonly id: number;
  readonly name: string;
  /** A number, of a type that the library need not know. */
  readonly type: number;
}

export type DnsReply =
  /** No answer to the question: another one's, a forged one. */
  | "not-ours"
  | "truncated"
  /** The server does not know, and does not say that there is none. */
  | "failed"
  | DnsAnswer;

interface Entry {
  readonly type: string;
  readonly name: string;
  readonly class?: string;
  readonly ttl?: number;
  readonly data?: unknown;
}

export function encodeQuestion({ id, name, type }: DnsQuestion): Uint8Array {
  return encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type: typeName(type) as "A", class: "IN", name }],
  });
}

/** Never throws. */
export function decodeReply(bytes: Uint8Array, question: DnsQuestion): DnsReply {
  const packet = decoded(bytes);
  if (!packet) return "not-ours";
  const { flag_tc: isTruncated, rcode } = packet as DecodedPacket & { flag_tc?: boolean; rcode?: string };
  const [asked, ...others] = packet.questions ?? [];
  const isAnswer = packet.type === "response" && (packet as { opcode?: string }).opcode === "QUERY";
  if (!isAnswer || packet.id !== question.id || !asked || others.length > 0) return "not-ours";
  if (asked.type !== typeName(question.type) || !sameName(asked.name, question.name)) return "not-ours";
  if (isTruncated) return "truncated";
  if (rcode !== "NOERROR" && rcode !== "NXDOMAIN") return "failed";
  return answerOf(packet, question);
}

function answerOf(packet: DecodedPacket, { name, type }: DnsQuestion): DnsAnswer {
  const entries = (packet.answers ?? []) as readonly Entry[];
  const records: { readonly data: Uint8Array }[] = [];
  let seconds = Infinity;
  let owner = name;
  // Reverse zones of parts of a /24 are reached by aliases (RFC 2317).
  for (let aliases = 0; aliases <= MAX_ALIASES; aliases++) {
    const ofOwner = entries.filter((entry) => entry.class === "IN" && sameName(entry.name, owner));
    for (const { data, ttl = 0 } of ofOwner.filter((entry) => entry.type === typeName(type)))
      if (data instanceof Uint8Array) {
        records.push({ data: Uint8Array.from(data) });
        seconds = Math.min(seconds, ttl);
      }
    const alias = ofOwner.find((entry) => entry.type === "CNAME");
    if (records.length > 0 || typeof alias?.data !== "string") break;
    seconds = Math.min(seconds, alias.ttl ?? 0);
    owner = alias.data;
  }
  if (records.length === 0) seconds = Math.min(seconds, negativeSeconds(packet));
  return { records, holdsMs: seconds * 1_000 };
}

function negativeSeconds(packet: DecodedPacket): number {
  const soa = ((packet.authorities ?? []) as readonly Entry[]).find(({ type }) => type === "SOA");
  const { minimum = NEGATIVE_S } = (soa?.data ?? {}) as { readonly minimum?: number };
  return soa ? Math.min(soa.ttl ?? 0, minimum) : NEGATIVE_S;
}

function decoded(bytes: Uint8Array): DecodedPacket | undefined {
  if (bytes.length < HEADER) return undefined;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let entries = 0;
  for (let at = 4; at < HEADER; at += 2) entries += buffer.readUInt16BE(at);
  if (entries > MAX_ENTRIES) return undefined;
  try {
    return decode(buffer);
  } catch {
    return undefined; // its errors are of many kinds
  }
}

function typeName(type: number): string {
  return `UNKNOWN_${type}`;
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
