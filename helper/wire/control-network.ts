import { addressBytes, family, type Address, type Prefix } from "./address.ts";
import { MAX_NAME_BYTES } from "./control.ts";
import { MAX_ENTRY } from "./control-state.ts";
import { readText, writeText } from "./control-text.ts";
import { DecodeError, EncodeError, Reader, Writer } from "./cursor.ts";

// Entries of TOPIC_NETWORK: what the host tells a member about the network and its place in it. Addresses follow
// from prefixes and numbers (protocol/addressing), so that the two cannot contradict each other.

export const MAX_RANGES = 32;
export const MAX_CANDIDATES = 8;
export const MAX_HOST_BYTES = 120;
export const MAX_SHARED_LANS = 8;

/** A LAN of the host that members may reach by unicast. */
export interface SharedLan {
  readonly prefix: Prefix;
  /** Of the same family and length: the same addresses under another prefix, for members whose own network is `prefix` too. */
  readonly mapped: Prefix | undefined;
}

export type NetworkEntry =
  | {
      readonly kind: "network";
      readonly name: string;
      readonly prefix6: Prefix; // 48 to 63 bits
      readonly prefix4: Prefix;
      /** Multicast ranges that the network shares. */
      readonly ranges: readonly Prefix[];
    }
  /** The receiver's own member number. */
  | { readonly kind: "assigned"; readonly number: number }
  | { readonly kind: "member"; readonly number: number; readonly name: string; readonly online: boolean }
  /** Of the candidates, the one that is a port of the host's router: how a path came about is shown. */
  | { readonly kind: "mapped"; readonly address: Address; readonly port: number }
  /** Where the host can be reached: an address or a host name, and a port. */
  | { readonly kind: "candidates"; readonly candidates: readonly { host: string; port: number }[] }
  /** The meeting point where the host can be called; undefined: none. */
  | { readonly kind: "meet"; readonly place: { readonly host: string; readonly port: number } | undefined }
  /** Under what the host is announced in the DHT, 32 bytes; undefined: it is not. */
  | { readonly kind: "dht"; readonly key: Uint8Array | undefined }
  /** Discovery proxies that run in this network. */
  | { readonly kind: "proxies"; readonly mdns: boolean; readonly ssdp: boolean }
  /** The host's LANs that members may reach by unicast. */
  | { readonly kind: "lans"; readonly lans: readonly SharedLan[] };

/** An entry is set as a whole, or removed by its key. */
export type NetworkChange =
  | { readonly key: string; readonly entry: NetworkEntry }
  | { readonly key: string; readonly entry: undefined };

const NETWORK = 1;
const ASSIGNED = 2;
const MEMBER = 3;
const CANDIDATES = 4;
const LANS = 5;
const PROXIES = 6;
const MAPPED = 7;
const MEET = 8;
const DHT = 9;
const DHT_KEY_LENGTH = 32;
const PROXY_MDNS = 1;
const PROXY_SSDP = 2;
const REMOVE = 0;
const SET = 1;

const SINGLE_KEYS = {
  network: NETWORK,
  assigned: ASSIGNED,
  candidates: CANDIDATES,
  lans: LANS,
  proxies: PROXIES,
  mapped: MAPPED,
  meet: MEET,
  dht: DHT,
} as const;

/** The key of an entry in the replicated table: "network", "assigned", "candidates", "lans", "mapped", "member 7". */
export function networkKey(entry: NetworkEntry): string {
  return entry.kind === "member" ? memberKey(entry.number) : entry.kind;
}

export function memberKey(number: number): string {
  return `member ${number}`;
}

/** Undefined: a kind that a later version added. Throws DecodeError. */
export function decodeNetworkChange(bytes: Uint8Array): NetworkChange | undefined {
  const reader = new Reader(bytes);
  const kind = reader.u8("kind");
  const operation = reader.u8("operation");
  if (operation > SET) throw new DecodeError("operation", operation, SET);
  const number = kind === MEMBER || kind === ASSIGNED ? reader.u16("number") : 0;
  if (operation === REMOVE) {
    const key = kind === MEMBER ? memberKey(number) : singleKey(kind);
    return key === undefined ? undefined : { key, entry: undefined };
  }
  const entry = decodeEntry(kind, number, reader);
  return entry && { key: networkKey(entry), entry };
}

function decodeEntry(kind: number, number: number, reader: Reader): NetworkEntry | undefined {
  switch (kind) {
    case NETWORK: {
      const name = readText(reader, MAX_NAME_BYTES, "network name");
      const prefix6 = readPrefix(reader, "prefix6", 6);
      if (prefix6.length < 48 || prefix6.length > 63)
        throw new DecodeError("prefix6 length", prefix6.length, "48 to 63");
      const prefix4 = readPrefix(reader, "prefix4", 4);
      return { kind: "network", name, prefix6, prefix4, ranges: readRanges(reader) };
    }
    case ASSIGNED:
      return { kind: "assigned", number };
    case MEMBER: {
      const online = (reader.u8("flags") & 1) !== 0;
      return { kind: "member", number, online, name: readText(reader, MAX_NAME_BYTES, "member name") };
    }
    case CANDIDATES: {
      const count = reader.u8("candidates");
      if (count > MAX_CANDIDATES) throw new DecodeError("candidates", count, MAX_CANDIDATES);
      const candidates: { host: string; port: number }[] = [];
      for (let i = 0; i < count; i++) {
        const port = reader.u16("port");
        candidates.push({ host: readText(reader, MAX_HOST_BYTES, "host"), port });
      }
      return { kind: "candidates", candidates };
    }
    case PROXIES: {
      const flags = reader.u8("proxies");
      return { kind: "proxies", mdns: (flags & PROXY_MDNS) !== 0, ssdp: (flags & PROXY_SSDP) !== 0 };
    }
    case MAPPED: {
      const port = reader.u16("port");
      const of = reader.u8("family");
      if (of !== 4 && of !== 6) throw new DecodeError("family", of, "4 or 6");
      return { kind: "mapped", port, address: reader.address(of === 4 ? 4 : 16, "mapped") };
    }
    case MEET: {
      const port = reader.u16("port");
      const host = readText(reader, MAX_HOST_BYTES, "host");
      return { kind: "meet", place: port === 0 ? undefined : { host, port } };
    }
    case DHT: {
      const length = reader.u8("length of the key");
      if (length !== 0 && length !== DHT_KEY_LENGTH)
        throw new DecodeError("length of the key", length, `0 or ${DHT_KEY_LENGTH}`);
      return { kind: "dht", key: length === 0 ? undefined : reader.take(length, "key in the DHT").slice() };
    }
    case LANS:
      return { kind: "lans", lans: readLans(reader) };
    default:
      return undefined;
  }
}

/** To set `entry`, or with undefined to remove what `key` names. Throws EncodeError. */
export function encodeNetworkChange(key: string, entry: NetworkEntry | undefined): Uint8Array {
  const writer = new Writer(MAX_ENTRY);
  if (!entry) {
    const number = /^member (\d+)$/.exec(key)?.[1];
    const kind = number === undefined ? SINGLE_KEYS[key as keyof typeof SINGLE_KEYS] : MEMBER;
    if (kind === undefined) throw new EncodeError("key", key, "a key of networkKey");
    writer.u8(kind, "kind").u8(REMOVE, "operation");
    if (kind === MEMBER || kind === ASSIGNED) writer.u16(Number(number ?? 0), "number");
    return writer.done();
  }
  writer.u8(entry.kind === "member" ? MEMBER : SINGLE_KEYS[entry.kind], "kind").u8(SET, "operation");
  switch (entry.kind) {
    case "network":
      writeText(writer, entry.name, MAX_NAME_BYTES, "network name");
      writePrefix(writer, entry.prefix6, "prefix6");
      writePrefix(writer, entry.prefix4, "prefix4");
      writeRanges(writer, entry.ranges);
      break;
    case "assigned":
      writer.u16(entry.number, "number");
      break;
    case "member":
      writer.u16(entry.number, "number").u8(entry.online ? 1 : 0, "flags");
      writeText(writer, entry.name, MAX_NAME_BYTES, "member name");
      break;
    case "proxies":
      writer.u8((entry.mdns ? PROXY_MDNS : 0) | (entry.ssdp ? PROXY_SSDP : 0), "proxies");
      break;
    case "candidates":
      if (entry.candidates.length > MAX_CANDIDATES)
        throw new EncodeError("candidates", entry.candidates.length, MAX_CANDIDATES);
      writer.u8(entry.candidates.length, "candidates");
      for (const { host, port } of entry.candidates) {
        writer.u16(port, "port");
        writeText(writer, host, MAX_HOST_BYTES, "host");
      }
      break;
    case "mapped": {
      const of = family(entry.address);
      writer.u16(entry.port, "port").u8(of, "family");
      writer.address(entry.address, of === 4 ? 4 : 16, "mapped");
      break;
    }
    case "meet":
      writer.u16(entry.place?.port ?? 0, "port");
      writeText(writer, entry.place?.host ?? "", MAX_HOST_BYTES, "host");
      break;
    case "dht":
      if (entry.key && entry.key.length !== DHT_KEY_LENGTH)
        throw new EncodeError("key in the DHT", entry.key.length, DHT_KEY_LENGTH);
      writer.u8(entry.key?.length ?? 0, "length of the key");
      if (entry.key) writer.bytes(entry.key, "key in the DHT");
      break;
    case "lans":
      writeLans(writer, entry.lans);
  }
  return writer.done();
}

function singleKey(kind: number): string | undefined {
  return Object.entries(SINGLE_KEYS).find(([, number]) => number === kind)?.[0];
}

function readRanges(reader: Reader): Prefix[] {
  const count = reader.u8("ranges");
  if (count > MAX_RANGES) throw new DecodeError("ranges", count, MAX_RANGES);
  return Array.from({ length: count }, () => readPrefix(reader, "range"));
}

function writeRanges(writer: Writer, ranges: readonly Prefix[]): void {
  if (ranges.length > MAX_RANGES) throw new EncodeError("ranges", ranges.length, MAX_RANGES);
  writer.u8(ranges.length, "ranges");
  for (const range of ranges) writePrefix(writer, range, "range");
}

function readLans(reader: Reader): SharedLan[] {
  const count = reader.u8("LANs");
  if (count > MAX_SHARED_LANS) throw new DecodeError("LANs", count, MAX_SHARED_LANS);
  return Array.from({ length: count }, () => {
    const prefix = readPrefix(reader, "LAN");
    if (reader.u8("LAN flags") % 2 === 0) return { prefix, mapped: undefined };
    const mapped = readPrefix(reader, "mapped LAN", family(prefix.address));
    if (mapped.length !== prefix.length)
      throw new DecodeError("mapped LAN length", mapped.length, prefix.length);
    return { prefix, mapped };
  });
}

function writeLans(writer: Writer, lans: readonly SharedLan[]): void {
  if (lans.length > MAX_SHARED_LANS) throw new EncodeError("LANs", lans.length, MAX_SHARED_LANS);
  writer.u8(lans.length, "LANs");
  for (const { prefix, mapped } of lans) {
    writePrefix(writer, prefix, "LAN");
    writer.u8(mapped ? 1 : 0, "LAN flags");
    if (mapped) writePrefix(writer, mapped, "mapped LAN");
  }
}

function readPrefix(reader: Reader, field: string, expected?: 4 | 6): Prefix {
  const number = reader.u8(field);
  if ((number !== 4 && number !== 6) || (expected !== undefined && number !== expected))
    throw new DecodeError(`${field} family`, number, expected ?? "4 or 6");
  const length = reader.u8(field);
  const bits = number === 4 ? 32 : 128;
  if (length > bits) throw new DecodeError(`${field} length`, length, bits);
  const address = reader.address(number === 4 ? 4 : 16, field);
  const bytes = addressBytes(address);
  for (let bit = length; bit < bits; bit++)
    if (bytes[bit >> 3]! & (0x80 >> (bit & 7))) throw new DecodeError(field, address, `${length} bits`);
  return { address, length };
}

function writePrefix(writer: Writer, prefix: Prefix, field: string): void {
  const number = family(prefix.address);
  writer.u8(number, field).u8(prefix.length, field);
  writer.address(prefix.address, number === 4 ? 4 : 16, field);
}
