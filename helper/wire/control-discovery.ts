import { family, type Address } from "./address.ts";
import { MAX_ENTRY } from "./control-state.ts";
import { isDnsName } from "./dns-name.ts";
import { DecodeError, EncodeError, Reader, Writer } from "./cursor.ts";

// What discovery proxies say to each other. DNS-SD records are soft state (TOPIC_SERVICES), so that a lost message
// heals; questions, and everything of SSDP, are asked again by those who ask, so they are messages.

/** Character strings of a TXT record with their lengths, so that the entry fits. */
export const MAX_TXT = 800;
export const MAX_QUESTIONS = 16;
const MAX_QUESTIONS_BYTES = 1_000;
export const MAX_SSDP_TEXT = 256;

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
const TYPES = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 } as const;
type TypeName = keyof typeof TYPES;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true });
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
  writer.u16(TYPES[data.type], "type");
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
    case TYPES.A:
      return { type: "A", address: reader.address(4, "address") };
    case TYPES.AAAA: {
      const address = reader.address(16, "address");
      if (family(address) !== 6) throw new DecodeError("address", address, "IPv6");
      return { type: "AAAA", address };
    }
    case TYPES.PTR:
      return { type: "PTR", target: readName(reader, "target") };
    case TYPES.SRV: {
      const [priority, weight, port] = [reader.u16("priority"), reader.u16("weight"), reader.u16("port")];
      return { type: "SRV", priority, weight, port, target: readName(reader, "target") };
    }
    case TYPES.TXT: {
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

/** Runs of questions of which each fits into a message. */
export function splitQuestions<Question extends { readonly name: string }>(
  questions: readonly Question[],
): Question[][] {
  const runs: Question[][] = [];
  let size = MAX_QUESTIONS_BYTES;
  for (const question of questions) {
    const length = 3 + ENCODER.encode(question.name).length;
    const run = runs.at(-1);
    if (run && run.length < MAX_QUESTIONS && size + length <= MAX_QUESTIONS_BYTES) run.push(question);
    else {
      runs.push([question]);
      size = 0;
    }
    size += length;
  }
  return runs;
}

// ── messages ───────────────────────────────────────────────────────────────

export type DiscoveryMessage =
  /** Somebody wants to know: the far end asks on its links. */
  | {
      readonly type: "mdns-questions";
      readonly questions: readonly { readonly name: string; readonly type: TypeName }[];
    }
  /** An M-SEARCH; answers carry its id. */
  | { readonly type: "ssdp-search"; readonly id: number; readonly mx: number; readonly target: string }
  | ({ readonly type: "ssdp-found"; readonly id: number } & SsdpDevice)
  /** A device says that it is there; `maxAge` 0: that it goes. */
  | ({ readonly type: "ssdp-notify"; readonly origin: number } & SsdpDevice);

/** What SSDP says of a device or service (UPnP Device Architecture 2.0 section 1). */
export interface SsdpDevice {
  /** ST or NT. */
  readonly target: string;
  readonly usn: string;
  /** A URL whose host is an address; empty where it says goodbye. */
  readonly location: string;
  readonly server: string;
  readonly maxAge: number; // s
}

export const DISCOVERY_TYPES = {
  "mdns-questions": 16,
  "ssdp-search": 17,
  "ssdp-found": 18,
  "ssdp-notify": 19,
} as const;

/** Undefined where the type is none of these. Throws DecodeError. */
export function decodeDiscovery(type: number, reader: Reader): DiscoveryMessage | undefined {
  switch (type) {
    case DISCOVERY_TYPES["mdns-questions"]: {
      const count = reader.u8("questions");
      if (count > MAX_QUESTIONS) throw new DecodeError("questions", count, MAX_QUESTIONS);
      const questions = Array.from({ length: count }, () => ({
        type: typeName(reader.u16("type")),
        name: readName(reader, "name"),
      }));
      return { type: "mdns-questions", questions };
    }
    case DISCOVERY_TYPES["ssdp-search"]: {
      const [id, mx] = [reader.u32("id"), reader.u8("mx")];
      return { type: "ssdp-search", id, mx, target: readSsdp(reader, "target") };
    }
    case DISCOVERY_TYPES["ssdp-found"]:
      return { type: "ssdp-found", id: reader.u32("id"), ...readDevice(reader) };
    case DISCOVERY_TYPES["ssdp-notify"]:
      return { type: "ssdp-notify", origin: reader.u32("origin"), ...readDevice(reader) };
    default:
      return undefined;
  }
}

/** Throws EncodeError. */
export function encodeDiscovery(message: DiscoveryMessage, writer: Writer): void {
  switch (message.type) {
    case "mdns-questions":
      if (message.questions.length > MAX_QUESTIONS)
        throw new EncodeError("questions", message.questions.length, MAX_QUESTIONS);
      writer.u8(message.questions.length, "questions");
      for (const { type, name } of message.questions) {
        writer.u16(TYPES[type], "type");
        writeName(writer, name, "name");
      }
      break;
    case "ssdp-search":
      writer.u32(message.id, "id").u8(message.mx, "mx");
      writeSsdp(writer, message.target, "target");
      break;
    case "ssdp-found":
      writer.u32(message.id, "id");
      writeDevice(writer, message);
      break;
    case "ssdp-notify":
      writer.u32(message.origin, "origin");
      writeDevice(writer, message);
  }
}

export function isDiscovery<Message extends { readonly type: string }>(
  message: Message | DiscoveryMessage,
): message is DiscoveryMessage {
  return Object.hasOwn(DISCOVERY_TYPES, message.type);
}

function readDevice(reader: Reader): SsdpDevice {
  const maxAge = reader.u32("max-age");
  const [target, usn] = [readSsdp(reader, "target"), readSsdp(reader, "usn")];
  return { maxAge, target, usn, location: readSsdp(reader, "location"), server: readSsdp(reader, "server") };
}

function writeDevice(writer: Writer, device: SsdpDevice): void {
  writer.u32(device.maxAge, "max-age");
  for (const field of ["target", "usn", "location", "server"] as const)
    writeSsdp(writer, device[field], field);
}

function typeName(type: number): TypeName {
  for (const [name, number] of Object.entries(TYPES)) if (number === type) return name as TypeName;
  throw new DecodeError("type", type, "a type of DNS-SD");
}

// ── texts ──────────────────────────────────────────────────────────────────

/** Printable ASCII: header values of HTTP. */
const HEADER_TEXT = /^[\x20-\x7e]*$/;

function readName(reader: Reader, field: string): string {
  const name = readUtf8(reader, reader.u8(field), field);
  if (!isDnsName(name)) throw new DecodeError(field, name.length, "a DNS name");
  return name;
}

function writeName(writer: Writer, name: string, field: string): void {
  if (!isDnsName(name)) throw new EncodeError(field, name, "a DNS name");
  const bytes = ENCODER.encode(name);
  writer.u8(bytes.length, field).bytes(bytes, field);
}

function readSsdp(reader: Reader, field: string): string {
  const length = reader.u16(field);
  if (length > MAX_SSDP_TEXT) throw new DecodeError(field, length, MAX_SSDP_TEXT);
  const text = readUtf8(reader, length, field);
  if (!HEADER_TEXT.test(text)) throw new DecodeError(field, text.length, "printable ASCII");
  return text;
}

function writeSsdp(writer: Writer, text: string, field: string): void {
  if (text.length > MAX_SSDP_TEXT || !HEADER_TEXT.test(text))
    throw new EncodeError(field, text, MAX_SSDP_TEXT);
  writer.u16(text.length, field).bytes(ENCODER.encode(text), field);
}

function readUtf8(reader: Reader, length: number, field: string): string {
  const bytes = reader.take(length, field);
  try {
    return DECODER.decode(bytes);
  } catch {
    throw new DecodeError(field, "bytes", "UTF-8");
  }
}
