import { DNS_TYPES, readName, writeName, type DnsTypeName } from "./control-services.ts";
import { DecodeError, EncodeError, type Reader, type Writer } from "./cursor.ts";

// What discovery proxies ask and tell each other at once. Who asks asks again, and devices repeat what they say, so
// nothing here is sent twice. (DNS-SD records are soft state: control-services.ts.)

export const MAX_QUESTIONS = 16;
const MAX_QUESTIONS_BYTES = 1_000;
export const MAX_SSDP_TEXT = 256;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true });
/** Printable ASCII: header values of HTTP. */
const HEADER_TEXT = /^[\x20-\x7e]*$/;

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

export type DiscoveryMessage =
  /** Somebody wants to know: the far end asks on its links. */
  | {
      readonly type: "mdns-questions";
      readonly questions: readonly { readonly name: string; readonly type: DnsTypeName }[];
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
        writer.u16(DNS_TYPES[type], "type");
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

function typeName(type: number): DnsTypeName {
  for (const [name, number] of Object.entries(DNS_TYPES)) if (number === type) return name as DnsTypeName;
  throw new DecodeError("type", type, "a type of DNS-SD");
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
