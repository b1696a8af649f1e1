// How players are told of a stream: an address of it, and a playlist around that.
import { plainText } from "#contract/plain-text.ts";
import type { Group } from "#contract/snapshot.ts";
import { MAX_PLAYLIST_CHARACTERS } from "#main/contract/calls.ts";

export type Playable = Pick<Group, "group" | "source" | "port" | "payload">;

const SCHEMES: Readonly<Record<NonNullable<Group["payload"]>, "udp" | "rtp" | null>> = {
  mpegts: "udp",
  rtp: "rtp",
  "rtp-mpegts": "rtp",
  other: null,
};

const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const IPV6 = /^[0-9a-f]*:[0-9a-f:]*(?:\d{1,3}(?:\.\d{1,3}){3})?$/i;
/** RFC 4607: 232/8, and the IPv6 groups ff3x::/32. These are nothing without their source. */
const SOURCE_SPECIFIC = /^232\.|^ff3[0-9a-f]:0{0,4}:/i;

/**
 * "rtp://@239.1.2.3:5004", with the source before the @ where one is named or the range asks for it:
 * "udp://192.0.2.1@232.1.1.1:1234", "udp://[2001:db8::1]@[ff3e::1]:1234" (VLC's notation). Null: no player knows what
 * to do with it, or it is not known yet what it carries.
 */
export function playAddress(stream: Playable, withSource = false): string | null {
  const { group, source, port, payload } = stream;
  const scheme = payload === null ? null : SCHEMES[payload];
  const host = bracketed(group);
  if (scheme === null || host === null || !isPort(port)) return null;
  const from = source === null ? null : bracketed(source);
  const specific = SOURCE_SPECIFIC.test(group);
  if (specific && from === null) return null;
  return `${scheme}://${specific || withSource ? (from ?? "") : ""}@${host}:${port}`;
}

/** Several senders use one group and port: only its source tells this one from the others. */
export function needsSource(stream: Playable, all: readonly Playable[]): boolean {
  return all.some(
    ({ group, source, port, payload }) =>
      group === stream.group && source !== stream.source && port === stream.port && payload !== null,
  );
}

/** An extended M3U with the one stream. */
export function playlistOf(address: string, title: string): string {
  const head = "#EXTM3U\n#EXTINF:-1,";
  const room = MAX_PLAYLIST_CHARACTERS - head.length - address.length - 2;
  return `${head}${[...plainText(title)]
    .slice(0, Math.floor(room / 2))
    .join("")
    .trim()}\n${address}\n`;
}

/** "Channel 1" to "Channel 1.m3u": names of files on every system, of nothing but letters, digits and a few signs. */
export function playlistFileName(title: string): string {
  const plain = plainText(title).replaceAll(/[^\p{L}\p{M}\p{N} ._-]+/gu, "-");
  const trimmed = [...plain]
    .slice(0, 60)
    .join("")
    .replaceAll(/^[\s.-]+|[\s.-]+$/g, "");
  return `${trimmed || "stream"}.m3u`;
}

/** Saves a text as a file, as a browser does. */
export function download(fileName: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName;
  link.click();
  URL.revokeObjectURL(url);
}

function isPort(port: number | null): port is number {
  return port !== null && Number.isInteger(port) && port > 0 && port < 65_536;
}

/** As it stands in a URL; null: no address, so nothing that belongs into a playlist. */
function bracketed(address: string): string | null {
  if (IPV4.test(address)) return address;
  return IPV6.test(address) ? `[${address}]` : null;
}
