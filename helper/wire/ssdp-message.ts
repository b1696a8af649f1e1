import { DecodeError } from "./cursor.ts";
import { MAX_SSDP_TEXT, type SsdpDevice } from "./control-discovery.ts";

// SSDP messages (UPnP Device Architecture 2.0 section 1): a request or status line and headers of HTTP in one datagram.
// What is not needed to find a device and to fetch its description is left out.

/** Longer than any that is seen; devices are told to fit into one packet. */
export const MAX_SSDP = 2_048;
const MAX_HEADERS = 40;
/** Seconds that devices are given to answer in (section 1.3.2). */
export const MAX_MX = 5;
/** What other software ignores: the message has been through a tunnel, and goes through no second one. */
const RELAYED = "X-CASTAWAY-RELAYED";

export type SsdpMessage = { readonly relayed: boolean } & (
  | { readonly kind: "search"; readonly target: string; readonly mx: number }
  | ({ readonly kind: "found" } & SsdpDevice)
  /** maxAge 0: it goes. */
  | ({ readonly kind: "notify" } & SsdpDevice)
);

/** Undefined: a kind that is of no interest. Throws DecodeError. */
export function decodeSsdp(bytes: Uint8Array): SsdpMessage | undefined {
  if (bytes.length > MAX_SSDP) throw new DecodeError("length", bytes.length, MAX_SSDP);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  const [first = "", ...lines] = text.split(/\r?\n/);
  const headers = new Map<string, string>();
  for (const line of lines) {
    if (line === "") break;
    if (headers.size >= MAX_HEADERS) throw new DecodeError("headers", lines.length, MAX_HEADERS);
    const [, name, value = ""] = /^([\w.-]+)[ \t]*:[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name !== undefined && !headers.has(name.toUpperCase())) headers.set(name.toUpperCase(), value);
  }
  const relayed = headers.has(RELAYED);
  if (/^M-SEARCH \* HTTP\/1\.[01]$/i.test(first)) {
    if (headers.get("MAN")?.toLowerCase() !== '"ssdp:discover"')
      throw new DecodeError("MAN", headers.get("MAN") ?? "", '"ssdp:discover"');
    const mx = Number(/^\d{1,3}$/.exec(headers.get("MX") ?? "1")?.[0] ?? 1);
    return { relayed, kind: "search", target: field(headers, "ST"), mx: Math.min(Math.max(mx, 1), MAX_MX) };
  }
  if (/^HTTP\/1\.[01] 200( |$)/i.test(first))
    return { relayed, kind: "found", ...device(headers, field(headers, "ST"), maxAge(headers)) };
  if (!/^NOTIFY \* HTTP\/1\.[01]$/i.test(first)) return undefined;
  const target = field(headers, "NT");
  switch (headers.get("NTS")?.toLowerCase()) {
    case "ssdp:alive":
      return { relayed, kind: "notify", ...device(headers, target, maxAge(headers)) };
    case "ssdp:byebye":
      return {
        relayed,
        kind: "notify",
        target,
        usn: field(headers, "USN"),
        location: "",
        server: "",
        maxAge: 0,
      };
    default:
      return undefined;
  }
}

/** `host`: the group as an URL has it, such as "[ff02::c]:1900". */
export function encodeSsdp(message: SsdpMessage, host: string): Uint8Array {
  const lines = [...linesOf(message, host), ...(message.relayed ? [`${RELAYED}: 1`] : []), "", ""];
  return new TextEncoder().encode(lines.join("\r\n"));
}

function linesOf(message: SsdpMessage, host: string): string[] {
  if (message.kind === "search")
    return [
      "M-SEARCH * HTTP/1.1",
      `HOST: ${host}`,
      'MAN: "ssdp:discover"',
      `MX: ${message.mx}`,
      `ST: ${message.target}`,
    ];
  const { target, usn, location, server } = message;
  const where = [`CACHE-CONTROL: max-age=${message.maxAge}`, `LOCATION: ${location}`, `SERVER: ${server}`];
  if (message.kind === "found")
    return ["HTTP/1.1 200 OK", ...where, "EXT:", `ST: ${target}`, `USN: ${usn}`, "CONTENT-LENGTH: 0"];
  const alive = message.maxAge > 0;
  return [
    "NOTIFY * HTTP/1.1",
    `HOST: ${host}`,
    ...(alive ? where : []),
    `NT: ${target}`,
    `NTS: ${alive ? "ssdp:alive" : "ssdp:byebye"}`,
    `USN: ${usn}`,
  ];
}

function device(headers: ReadonlyMap<string, string>, target: string, maxAge: number): SsdpDevice {
  const server = headers.get("SERVER") ?? "";
  return {
    target,
    usn: field(headers, "USN"),
    location: field(headers, "LOCATION"),
    server: isPlain(server) ? server : "",
    maxAge,
  };
}

function maxAge(headers: ReadonlyMap<string, string>): number {
  const seconds = Number(/max-age\s*=\s*(\d{1,7})/i.exec(headers.get("CACHE-CONTROL") ?? "")?.[1] ?? 1800);
  return Math.min(Math.max(seconds, 1), 86_400);
}

function field(headers: ReadonlyMap<string, string>, name: string): string {
  const value = headers.get(name) ?? "";
  if (value === "" || !isPlain(value))
    throw new DecodeError(name, value.length, `1 to ${MAX_SSDP_TEXT} of ASCII`);
  return value;
}

function isPlain(value: string): boolean {
  return value.length <= MAX_SSDP_TEXT && /^[\x20-\x7e]*$/.test(value);
}

/** The URL with another host; undefined where it is none with an address. `translate`: undefined drops it. */
export function movedLocation(
  location: string,
  translate: (address: string) => string | undefined,
): string | undefined {
  const [, scheme, v4, v6, rest] =
    /^(https?:\/\/)(?:(\d{1,3}(?:\.\d{1,3}){3})|\[([\da-f:.]+)\])((?::\d{1,5})?(?:\/.*)?)$/i.exec(location) ??
    [];
  const address = v4 ?? v6;
  if (address === undefined) return undefined;
  const moved = translate(address);
  if (moved === undefined) return undefined;
  return `${scheme}${moved.includes(":") ? `[${moved}]` : moved}${rest}`;
}
