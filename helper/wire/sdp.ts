import { canonicalAddress, family, type Address } from "./address.ts";
import { DecodeError, EncodeError } from "./cursor.ts";

// Session descriptions (RFC 8866), as much of them as it takes to know which groups a session uses and what it is
// called. Times, keys and bandwidths are read over.

export const MAX_SDP = 8_192;
const MAX_LINES = 256;
const MAX_MEDIA = 32;
/** Contiguous addresses that one connection stands for (section 5.7): layers of a hierarchical encoding. */
export const MAX_LAYERS = 16;
/** Sources of one filter that are read. */
const MAX_FILTERED = 64;
/** Section 9; a description with another letter is to be left alone (section 5). */
const TYPES = "vosiuepcbtrzkam";

export interface SdpOrigin {
  readonly username: string;
  readonly sessionId: string; // digits
  readonly sessionVersion: string; // digits
  readonly address: string; // a host name, perhaps
}

export interface SdpConnection {
  readonly address: Address;
  /** Of IPv4 multicast, where it is said. */
  readonly ttl: number | undefined;
  /** How many addresses, from `address` on. */
  readonly count: number;
}

export interface SdpAttribute {
  readonly name: string;
  readonly value: string | undefined;
}

export interface SdpMedia {
  readonly media: string;
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
  readonly title: string | undefined;
  readonly connections: readonly SdpConnection[];
  readonly attributes: readonly SdpAttribute[];
}

export interface SessionDescription {
  readonly origin: SdpOrigin;
  readonly name: string;
  readonly title: string | undefined;
  readonly connection: SdpConnection | undefined;
  readonly attributes: readonly SdpAttribute[];
  readonly media: readonly SdpMedia[];
}

type Line = readonly [type: string, value: string];

/** Throws DecodeError. Connections to host names are left out: no group has one. */
export function decodeSdp(bytes: Uint8Array): SessionDescription {
  if (bytes.length > MAX_SDP) throw new DecodeError("SDP", bytes.length, MAX_SDP);
  const lines = linesOf(textOf(bytes));
  if (lines[0]?.[0] !== "v" || lines[0][1] !== "0")
    throw new DecodeError("SDP version", lines[0]?.[1].slice(0, 8) ?? "none", 0);
  const starts = lines.flatMap(([type], i) => (type === "m" ? [i] : []));
  if (starts.length > MAX_MEDIA) throw new DecodeError("SDP media", starts.length, MAX_MEDIA);
  const session = lines.slice(0, starts[0]);
  return {
    origin: decodeOrigin(required(session, "o")),
    name: required(session, "s").trim(),
    title: first(session, "i"),
    connection: connectionsOf(session)[0],
    attributes: attributesOf(session),
    media: starts.map((start, i) => decodeMedia(lines.slice(start, starts[i + 1]))),
  };
}

/** In UTF-8, of unbounded time. Throws EncodeError where a text cannot stand in its line. */
export function encodeSdp(description: SessionDescription): Uint8Array {
  const { origin, name, title, connection, attributes, media } = description;
  const { username, sessionId, sessionVersion, address } = origin;
  const net = `IN IP${address.includes(":") ? 6 : 4}`;
  const lines = [
    "v=0",
    `o=${username} ${sessionId} ${sessionVersion} ${net} ${address}`,
    `s=${name === "" ? " " : name}`, // section 5.3: never empty
    ...optional("i", title),
    ...(connection ? [connectionLine(connection)] : []),
    "t=0 0",
    ...attributes.map(attributeLine),
    ...media.flatMap((one) => [
      `m=${one.media} ${one.port} ${one.protocol} ${one.formats.join(" ")}`,
      ...optional("i", one.title),
      ...one.connections.map(connectionLine),
      ...one.attributes.map(attributeLine),
    ]),
  ];
  for (const line of lines)
    if (/[\0\r\n]/.test(line)) throw new EncodeError("SDP line", line.slice(0, 32), "one line");
  return new TextEncoder().encode(lines.map((line) => `${line}\r\n`).join(""));
}

/** The sources that "a=source-filter: incl" allows for a group (RFC 4570); undefined: any. */
export function includedSources(
  attributes: readonly SdpAttribute[],
  group: Address,
): ReadonlySet<Address> | undefined {
  const sources = attributes.flatMap(({ name, value = "" }) => {
    if (name !== "source-filter") return [];
    const [mode, net, , destination = "", ...list] = value.trim().split(/ +/);
    if (mode !== "incl" || net !== "IN") return [];
    if (destination !== "*" && canonicalAddress(destination) !== group) return [];
    return list.slice(0, MAX_FILTERED).flatMap((one) => canonicalAddress(one) ?? []);
  });
  return sources.length > 0 ? new Set(sources) : undefined;
}

/** UTF-8; what is none was written before there was a rule, and is Latin-1 more often than not. */
function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  }
}

function linesOf(text: string): Line[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  if (lines.length > MAX_LINES) throw new DecodeError("SDP lines", lines.length, MAX_LINES);
  return lines.map((line): Line => {
    const type = line[0] ?? "";
    if (type === "" || !TYPES.includes(type) || line[1] !== "=" || /[\0\r]/.test(line))
      throw new DecodeError("SDP line", line.slice(0, 8), "<type>=<value>");
    return [type, line.slice(2)];
  });
}

function decodeOrigin(value: string): SdpOrigin {
  const [, username, sessionId, sessionVersion, address] =
    /^(\S+) (\d{1,40}) (\d{1,40}) IN IP[46] (\S+)$/.exec(value.trim()) ?? [];
  if (!username || !sessionId || !sessionVersion || !address)
    throw new DecodeError("SDP origin", value.slice(0, 32), "six fields");
  return { username, sessionId, sessionVersion, address };
}

function decodeMedia([start, ...lines]: readonly Line[]): SdpMedia {
  const [, media, port, protocol, formats] =
    /^(\S+) (\d{1,5})(?:\/\d{1,5})? (\S+) (\S.*)$/.exec(start![1].trim()) ?? [];
  if (!media || !port || !protocol || !formats || Number(port) > 0xffff)
    throw new DecodeError("SDP media", start![1].slice(0, 32), "media, port, protocol and format");
  return {
    media,
    port: Number(port),
    protocol,
    formats: formats.split(/\s+/),
    title: first(lines, "i"),
    connections: connectionsOf(lines),
    attributes: attributesOf(lines),
  };
}

function connectionsOf(lines: readonly Line[]): SdpConnection[] {
  return lines.flatMap(([type, value]) => (type === "c" ? decodeConnection(value.trim()) : []));
}

/** Section 5.7: an IPv4 group has a TTL and perhaps a number behind it, an IPv6 one the number alone. */
function decodeConnection(value: string): SdpConnection[] {
  const [, version, text = "", a, b] =
    /^IN IP([46]) ([^\s/]+)(?:\/(\d{1,3}))?(?:\/(\d{1,3}))?$/.exec(value) ?? [];
  if (version === undefined) throw new DecodeError("SDP connection", value.slice(0, 32), "IN IP4 or IN IP6");
  const address = canonicalAddress(text);
  if (address === undefined) return [];
  if (family(address) !== Number(version)) throw new DecodeError("SDP connection", text, `IPv${version}`);
  const [ttl, count] = version === "4" ? [a, b] : [undefined, a];
  if (version === "6" && b !== undefined)
    throw new DecodeError("SDP connection", value.slice(0, 64), "no TTL");
  if (Number(ttl ?? 0) > 255) throw new DecodeError("SDP TTL", Number(ttl), 255);
  const layers = Number(count ?? 1);
  if (layers < 1 || layers > MAX_LAYERS) throw new DecodeError("SDP addresses", layers, MAX_LAYERS);
  return [{ address, ttl: ttl === undefined ? undefined : Number(ttl), count: layers }];
}

function attributesOf(lines: readonly Line[]): SdpAttribute[] {
  return lines.flatMap(([type, value]): SdpAttribute[] => {
    if (type !== "a") return [];
    const colon = value.indexOf(":");
    return colon < 0
      ? [{ name: value, value: undefined }]
      : [{ name: value.slice(0, colon), value: value.slice(colon + 1) }];
  });
}

function first(lines: readonly Line[], wanted: string): string | undefined {
  return lines.find(([type]) => type === wanted)?.[1];
}

function required(lines: readonly Line[], type: string): string {
  const value = first(lines, type);
  if (value === undefined) throw new DecodeError(`SDP ${type}=`, "none", "one line");
  return value;
}

function optional(type: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`${type}=${value}`];
}

function attributeLine({ name, value }: SdpAttribute): string {
  return value === undefined ? `a=${name}` : `a=${name}:${value}`;
}

function connectionLine({ address, ttl, count }: SdpConnection): string {
  const v4 = family(address) === 4;
  // Over IPv4 the number stands behind the TTL, so that there has to be one.
  const time = v4 && (ttl !== undefined || count > 1) ? `/${ttl ?? 255}` : "";
  return `c=IN IP${v4 ? 4 : 6} ${address}${time}${count > 1 ? `/${count}` : ""}`;
}
