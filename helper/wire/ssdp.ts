// UPnP Device Architecture 1.1 section 1.3: searching for a device, and its answer. HTTP-like text in a datagram.
import { DecodeError } from "#wire/cursor.ts";

export const SSDP_GROUP = "239.255.255.250";
export const SSDP_PORT = 1900;
const MAX_LENGTH = 4_096;
const MAX_LINES = 64;

export interface SearchAnswer {
  /** What was found: the search target of the question. */
  readonly target: string;
  /** URL of the device's description. */
  readonly location: string;
}

/** `waitS`: the answers come spread over so many seconds. */
export function encodeSearch(target: string, waitS: number): Uint8Array {
  return new TextEncoder().encode(
    [
      "M-SEARCH * HTTP/1.1",
      `HOST: ${SSDP_GROUP}:${SSDP_PORT}`,
      'MAN: "ssdp:discover"',
      `MX: ${waitS}`,
      `ST: ${target}`,
      "",
      "",
    ].join("\r\n"),
  );
}

/** Throws DecodeError. */
export function decodeSearchAnswer(bytes: Uint8Array): SearchAnswer {
  if (bytes.length > MAX_LENGTH) throw new DecodeError("SSDP length", bytes.length, MAX_LENGTH);
  const lines = new TextDecoder("latin1").decode(bytes).split("\r\n");
  if (lines.length > MAX_LINES) throw new DecodeError("SSDP lines", lines.length, MAX_LINES);
  if (!/^HTTP\/1\.[01] 200(?: |$)/.test(lines[0]!))
    throw new DecodeError("SSDP status line", lines[0]!.slice(0, 32), "HTTP/1.1 200 OK");
  return { target: header(lines, "st"), location: header(lines, "location") };
}

function header(lines: readonly string[], name: string): string {
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0 && line.slice(0, colon).trim().toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  throw new DecodeError(`SSDP ${name}`, "nothing", "a header");
}
