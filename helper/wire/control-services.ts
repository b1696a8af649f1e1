import { family, type Address } from "./address.ts";
import { MAX_ENTRY } from "./control-state.ts";
import { readText, writeText } from "./control-text.ts";
import { isDnsName, MAX_DNS_NAME } from "./dns-name.ts";
import { DecodeError, EncodeError, Reader, Writer } from "./cursor.ts";

// DNS-SD records between discovery proxies: entries of TOPIC_SERVICES, soft state, so that a lost message heals.

/** Character strings of a TXT record with their lengths, so that the entry fits. */
export const MAX_TXT = 800;

export type ServiceData =
  | { readonly type: "A" | "AAAA"; readonly address: Address }
  | { readonly type: "PTR"; readonly target: string }
  | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  /** As in the record: length bytes and strings. */
  | { readonly type: "TXT"; readonly text: Uint8Array };

export interface ServiceRecord {
  readonly name: string;
  readonly ttl: number; // s
  readonly data: ServiceData;
}

export function sameData(a: ServiceData, b: ServiceData): boolean {
  switch (a.type) {
    case "A":
    case "AAAA":
      return a.type === b.type && a.address === b.address;
    case "PTR":
      return a.type === b.type && a.target === b.target;
    case "SRV":
      return (
        a.type === b.type &&
        a.target === b.target &&
        a.port === b.port &&
        a.priority === b.priority &&
        a.weight === b.weight
      );
    case "TXT":
      return (
        a.type === b.type && a.text.length === b.text.length && a.text.every((byte, i) => byte === b.text[i])
      );
  }
}

/** An entry of TOPIC_SERVICES. */
export interface ServiceEntry extends ServiceRecord {
  /** Id of the member on whose link it was heard: it never takes it back. */
  readonly origin: number;
}

/** RFC 1035 section 3.2.2, RFC 3596, RFC 2782; 255 is a question for any. */
export const DNS_TYPES = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 } as const;
export type DnsTypeName = keyof typeof DNS_TYPES;

const REMOVE = 0;
const SET = 1;

/** `key`: a number as text, the sender's name for the entry. Throws EncodeError. */
export function encodeServiceChange(key: string, entry: ServiceEntry | undefined): Uint8Array {
  const writer = new Writer(MAX_ENTRY);
  writer.u8(entry ? SET : REMOVE, "operation").u32(Number(key), "key");
  if (!entry) return writer.done();
  writer.u32(entry.origin, "origin").u32(entry.ttl, "ttl");
  writeName(writer, entry.name, "name");
  const { data } = entry;
  writer.u16(DNS_TYPES[data.type], "type");
  switch (data.type) {
    case "A":
    case "AAAA":
      writer.address(data.address, data.type === "A" ? 4 : 16, "address");
      break;
    case "PTR":
      writeName(writer, data.target, "target");
      break;
    case "SRV":
      writer.u16(data.priority, "priority").u16(data.weight, "weight").u16(data.port, "port");
      writeName(writer, data.target, "target");
      break;
    case "TXT":
      if (data.text.length > MAX_TXT) throw new EncodeError("text", data.text.length, MAX_TXT);
      writer.u16(data.text.length, "text").bytes(data.text, "text");
  }
  return writer.done();
}

/** Undefined: a type that a later version added. Throws DecodeError. */
export function decodeServiceChange(
  bytes: Uint8Array,
): { readonly key: string; readonly value: ServiceEntry | undefined } | undefined {
  const reader = new Reader(bytes);
  const operation = reader.u8("operation");
  if (operation > SET) throw new DecodeError("operation", operation, SET);
  const key = String(reader.u32("key"));
  if (operation === REMOVE) return { key, value: undefined };
  const origin = reader.u32("origin");
  const ttl = reader.u32("ttl");
  const name = readName(reader, "name");
  const data = readData(reader.u16("type"), reader);
  return data && { key, value: { origin, ttl, name, data } };
}

function readData(type: number, reader: Reader): ServiceData | undefined {
  switch (type) {
    case DNS_TYPES.A:
      return { type: "A", address: reader.address(4, "address") };
    case DNS_TYPES.AAAA: {
      const address = reader.address(16, "address");
      if (family(address) !== 6) throw new DecodeError("address", address, "IPv6");
      return { type: "AAAA", address };
    }
    case DNS_TYPES.PTR:
      return { type: "PTR", target: readName(reader, "target") };
    case DNS_TYPES.SRV: {
      const [priority, weight, port] = [reader.u16("priority"), reader.u16("weight"), reader.u16("port")];
      return { type: "SRV", priority, weight, port, target: readName(reader, "target") };
    }
    case DNS_TYPES.TXT: {
      const length = reader.u16("text");
      if (length > MAX_TXT) throw new DecodeError("text", length, MAX_TXT);
      const text = reader.take(length, "text").slice();
      checkStrings(text);
      return { type: "TXT", text };
    }
    default:
      return undefined;
  }
}

/** RFC 1035 section 3.3.14: nothing but whole strings. Throws DecodeError. */
export function checkStrings(text: Uint8Array): void {
  let at = 0;
  while (at < text.length) at += 1 + text[at]!;
  if (at !== text.length) throw new DecodeError("text", text.length, at);
}

export function readName(reader: Reader, field: string): string {
  const name = readText(reader, MAX_DNS_NAME, field);
  if (!isDnsName(name)) throw new DecodeError(field, name.length, "a DNS name");
  return name;
}

export function writeName(writer: Writer, name: string, field: string): void {
  if (!isDnsName(name)) throw new EncodeError(field, name, "a DNS name");
  writeText(writer, name, MAX_DNS_NAME, field);
}
