// DNS messages of mDNS by the library dns-packet, which knows neither dots in labels nor bounds of ours.
import { decode, encode, type Answer, type DecodedPacket, type Packet } from "dns-packet";
import type { MdnsMessage, MdnsQuestion, OutgoingMdns } from "#protocol/discovery/mdns.ts";
import { canonicalAddress } from "#wire/address.ts";
import { checkStrings, MAX_TXT, type ServiceData, type ServiceRecord } from "#wire/control-services.ts";
import { DecodeError } from "#wire/cursor.ts";
import { dnsLabels, isDnsName, isLinkName } from "#wire/dns-name.ts";

/** RFC 6762 section 17. */
export const MAX_MDNS = 9_000;
/** What fits into a packet on any link, headers left out. */
const FULL = 1_400;
/** Entries of a message that are looked at. */
const MAX_ENTRIES = 256;
const AUTHORITATIVE = 1 << 10;
/** Stands for a dot in a label on its way through the library, which would take it for the end of one. */
const DOT = "\u0001";

/** Undefined where it is no message of mDNS. Never throws. */
export function decodeMdns(bytes: Uint8Array): MdnsMessage | undefined {
  if (bytes.length < 12 || bytes.length > MAX_MDNS) return undefined;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let entries = 0;
  for (let at = 4; at < 12; at += 2) entries += buffer.readUInt16BE(at);
  if (entries > MAX_ENTRIES) return undefined;
  let packet: DecodedPacket;
  try {
    packet = decode(buffer);
  } catch {
    return undefined; // its errors are of many kinds
  }
  if ((packet as { opcode?: string }).opcode !== "QUERY") return undefined; // RFC 6762 section 18.3
  return {
    id: packet.id ?? 0,
    response: packet.type === "response",
    questions: (packet.questions ?? []).flatMap(({ type, name }) => {
      const known = type === "A" || type === "AAAA" || type === "PTR" || type === "SRV" || type === "TXT";
      return (known || (type as string) === "ANY") && isDnsName(name)
        ? [{ type: type as MdnsQuestion["type"], name }]
        : [];
    }),
    records: [...(packet.answers ?? []), ...(packet.additionals ?? [])].flatMap(decodeRecord),
  };
}

function decodeRecord(answer: Answer): (ServiceRecord & { unique: boolean })[] {
  const { name, ttl = 0, class: of, flush } = answer as Extract<Answer, { type: "A" }> & { flush?: boolean };
  if (of !== "IN" || !isDnsName(name) || !isLinkName(name)) return [];
  const data = decodeData(answer);
  return data ? [{ name, ttl: Number(ttl), data, unique: flush === true }] : [];
}

function decodeData(answer: Answer): ServiceData | undefined {
  switch (answer.type) {
    case "A":
    case "AAAA": {
      const address = canonicalAddress(answer.data);
      const fits = address !== undefined && address.includes(":") === (answer.type === "AAAA");
      return fits ? { type: answer.type, address } : undefined;
    }
    case "PTR":
      return isDnsName(answer.data) ? { type: "PTR", target: answer.data } : undefined;
    case "SRV": {
      const { priority = 0, weight = 0, port, target } = answer.data;
      return isDnsName(target) ? { type: "SRV", priority, weight, port, target } : undefined;
    }
    case "TXT":
      return decodeText(answer.data);
    default:
      return undefined;
  }
}

function decodeText(data: unknown): ServiceData | undefined {
  const strings = Array.isArray(data) ? (data as Buffer[]) : [data as Buffer];
  const text = Buffer.concat(strings.flatMap((one) => [Buffer.of(one.length), one]));
  return text.length <= MAX_TXT ? { type: "TXT", text: new Uint8Array(text) } : undefined;
}

/** As many messages as the records need. Records that cannot be encoded are left out. */
export function encodeMdns(message: OutgoingMdns): Uint8Array[] {
  const { id, response, questions } = message;
  const head: Packet = {
    id,
    type: response ? "response" : "query",
    flags: response ? AUTHORITATIVE : 0,
    questions: questions
      .filter(({ name }) => isDnsName(name))
      .map(({ type, name }) => ({ type: type as "A", name: safeName(name) })),
  };
  const messages: Uint8Array[] = [];
  let answers: Answer[] = [];
  let size = 0;
  const flush = (): void => {
    messages.push(restoreDots(encode({ ...head, answers })));
    answers = [];
    size = 0;
  };
  for (const record of message.records) {
    const answer = encodeRecord(record);
    if (!answer) continue;
    const length = record.name.length + 64 + sizeOf(record.data);
    if (size + length > FULL && answers.length > 0) flush();
    answers.push(answer);
    size += length;
  }
  if (answers.length > 0 || (!response && questions.length > 0)) flush();
  return messages;
}

function encodeRecord({ name, ttl, data }: ServiceRecord): Answer | undefined {
  const common = { name: safeName(name), ttl, class: "IN" as const };
  if (!isDnsName(name) || ("target" in data && !isDnsName(data.target))) return undefined;
  switch (data.type) {
    case "A":
    case "AAAA":
      return { ...common, type: data.type, data: data.address };
    case "PTR":
      return { ...common, type: "PTR", data: safeName(data.target) };
    case "SRV": {
      const { priority, weight, port, target } = data;
      return { ...common, type: "SRV", data: { priority, weight, port, target: safeName(target) } };
    }
    case "TXT":
      return { ...common, type: "TXT", data: stringsOf(data.text) };
  }
}

function sizeOf(data: ServiceData): number {
  if (data.type === "TXT") return data.text.length;
  return "target" in data ? data.target.length * 2 : 16;
}

function stringsOf(text: Uint8Array): Buffer[] {
  try {
    checkStrings(text);
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
  const strings: Buffer[] = [];
  for (let at = 0; at < text.length; at += 1 + text[at]!)
    strings.push(Buffer.from(text.subarray(at + 1, at + 1 + text[at]!)));
  return strings;
}

function safeName(name: string): string {
  return dnsLabels(name)
    .map((label) => label.replaceAll(".", DOT))
    .join(".");
}

/** No name has the stand-in by itself (isDnsName), and TXT strings of one such byte in a label's place are left alone. */
function restoreDots(bytes: Buffer): Uint8Array {
  return bytes.includes(DOT) ? restoreNames(bytes) : bytes;
}

/** Walks over the message as it was just written: without compression, so that names are where they seem to be. */
function restoreNames(bytes: Buffer): Buffer {
  let at = 12;
  const name = (): void => {
    for (let length; (length = bytes[at]!) !== 0; at += 1 + length)
      for (let i = at + 1; i <= at + length; i++) if (bytes[i] === 1) bytes[i] = 0x2e;
    at++;
  };
  for (let i = bytes.readUInt16BE(4); i > 0; i--) {
    name();
    at += 4;
  }
  for (let i = bytes.readUInt16BE(6); i > 0; i--) {
    name();
    const type = bytes.readUInt16BE(at);
    const end = at + 10 + bytes.readUInt16BE(at + 8);
    at += 10;
    if (type === 33) at += 6;
    if (type === 12 || type === 33) name();
    at = end;
  }
  return bytes;
}
