// A stream of the Internet's as people name it: in the fields of a form, as words of a command, or as a link,
// "amt://[SOURCE@]GROUP[:PORT]" (VLC's notation), with "?relay=ADDRESS-OR-NAME" behind it where one is wanted.
import { canonicalIp, isGroup } from "./address-text.ts";

export interface AmtStream {
  /** Null: any source. */
  readonly source: string | null;
  readonly group: string;
  /** UDP port that a player listens on; null: not said. */
  readonly port: number | null;
  /** Address or name of a relay; null: one is looked for. */
  readonly relay: string | null;
}

/** As typed; "" where there is nothing. */
export type AmtFields = { readonly [K in keyof AmtStream]: string };

export interface AmtFaults {
  /** local: by its range it never leaves a link or a host (RFC 5771, RFC 4291). */
  readonly group: `group-${"missing" | "not-an-address" | "not-a-group" | "local"}` | null;
  /** missing: groups of this range are nothing without their source (RFC 4607). */
  readonly source: `source-${"missing" | "not-an-address" | "not-a-source" | "other-family"}` | null;
  readonly port: "port-not-a-port" | null;
  readonly relay: "relay-not-a-relay" | null;
}
export type AmtFault = "link-too-long" | "not-a-link" | NonNullable<AmtFaults[keyof AmtFaults]>;

export type AmtReading =
  | { readonly ok: true; readonly stream: AmtStream }
  | { readonly ok: false; readonly fault: AmtFault };

export const AMT_LINK_EXAMPLE = "amt://198.51.100.10@232.1.1.1:5001";
/** The longest that makes sense has two IPv6 addresses and a domain name; there is room for a few words more. */
export const MAX_AMT_LINK_CHARACTERS = 1_024;
const MAX_NAME_CHARACTERS = 253; // RFC 1035, 2.3.4, without the last dot

/** RFC 4607: 232/8 and ff3x::/32. */
const SOURCE_SPECIFIC = /^232\.|^ff3[\da-f]:(:|0:)/;
const LOCAL = /^224\.0\.0\.|^ff[\da-f][0-2]:/;
const NO_SOURCE = /^(0\.|127\.|255\.|::1?$|fe[89ab][\da-f]:)/;
const LABEL = /^[\da-z_]([\da-z_-]{0,61}[\da-z_])?$/i;

export function isSourceSpecific(group: string): boolean {
  return SOURCE_SPECIFIC.test(group);
}

/** What is wrong with each of the fields. */
export function amtFaults(fields: AmtFields): AmtFaults {
  const group = trimmedIp(fields.group);
  const source = trimmedIp(fields.source);
  return {
    group: groupFault(fields.group.trim(), group),
    source: fields.source.trim() === "" ? missingSource(group) : sourceFault(source, group),
    port: fields.port.trim() === "" || portOf(fields.port) !== undefined ? null : "port-not-a-port",
    relay: fields.relay.trim() === "" || relayOf(fields.relay) !== undefined ? null : "relay-not-a-relay",
  };
}

export function amtStreamOf(fields: AmtFields): AmtReading {
  const faults = amtFaults(fields);
  const fault = faults.group ?? faults.source ?? faults.port ?? faults.relay;
  if (fault !== null) return { ok: false, fault };
  return {
    ok: true,
    stream: {
      source: trimmedIp(fields.source) ?? null,
      group: trimmedIp(fields.group)!,
      port: portOf(fields.port) ?? null,
      relay: relayOf(fields.relay) ?? null,
    },
  };
}

export function isAmtLink(text: string): boolean {
  return /^\s*<?amt:/i.test(text.slice(0, 100));
}

/** Of other words behind the "?" nothing is kept: programs that make such links have some of their own. */
export function parseAmtLink(text: string): AmtReading {
  if (text.length > MAX_AMT_LINK_CHARACTERS) return { ok: false, fault: "link-too-long" };
  const [, authority, query] =
    /^<?amt:\/\/([^\s/?#<>]*)\/?(?:\?([^\s#<>]*))?(?:#[^\s<>]*)?>?$/i.exec(text.trim()) ?? [];
  if (authority === undefined) return { ok: false, fault: "not-a-link" };
  const at = authority.lastIndexOf("@");
  const [, group, port] = /^(\[[^\]]*\]|[^:]*)(?::([^:]*))?$/.exec(authority.slice(at + 1)) ?? [];
  return amtStreamOf({
    source: authority.slice(0, Math.max(at, 0)),
    group: group ?? authority.slice(at + 1), // an IPv6 address without brackets, so without a port
    port: port ?? "",
    relay: new URLSearchParams(query ?? "").get("relay") ?? "",
  });
}

export function amtLinkText({ source, group, port, relay }: AmtStream): string {
  const from = source === null ? "" : `${bracketed(source)}@`;
  const query = relay === null ? "" : `?relay=${relay}`;
  return `amt://${from}${bracketed(group)}${port === null ? "" : `:${port}`}${query}`;
}

function groupFault(text: string, group: string | undefined): AmtFaults["group"] {
  if (text === "") return "group-missing";
  if (group === undefined) return "group-not-an-address";
  if (!isGroup(group)) return "group-not-a-group";
  return LOCAL.test(group) ? "group-local" : null;
}

function missingSource(group: string | undefined): AmtFaults["source"] {
  return group !== undefined && isSourceSpecific(group) ? "source-missing" : null;
}

function sourceFault(source: string | undefined, group: string | undefined): AmtFaults["source"] {
  if (source === undefined) return "source-not-an-address";
  if (isGroup(source) || NO_SOURCE.test(source)) return "source-not-a-source";
  return group !== undefined && group.includes(":") !== source.includes(":") ? "source-other-family" : null;
}

/** With or without the brackets of a link. */
function trimmedIp(text: string): string | undefined {
  const plain = text.trim();
  return canonicalIp(/^\[.*\]$/.test(plain) ? plain.slice(1, -1) : plain);
}

function portOf(text: string): number | undefined {
  const port = Number(text.trim());
  return /^\d{1,5}$/.test(text.trim()) && port > 0 && port < 65_536 ? port : undefined;
}

/** An address of one computer, or a domain name; undefined: neither. */
export function relayOf(text: string): string | undefined {
  const address = trimmedIp(text);
  if (address !== undefined)
    return isGroup(address) || /^(0\.|255\.|::$)/.test(address) ? undefined : address;
  const name = text.trim().replace(/\.$/, "");
  const labels = name.split(".");
  const isName =
    name.length <= MAX_NAME_CHARACTERS &&
    labels.every((label) => LABEL.test(label)) &&
    /[a-z]/i.test(labels.at(-1) ?? ""); // "192.0.2" is a mistake, not a name
  return isName ? name.toLowerCase() : undefined;
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
