// What is taken out of a report before its reader sees it. It looks at the values, not at where they stand: what
// holds no secret today may hold one tomorrow.
import { createHash } from "node:crypto";
import { canonicalAddress, family, isMulticast, prefixContains, type Address } from "#wire/address.ts";

export interface RedactorOptions {
  /** Addresses, names and ids stay; keys and links go in any case. */
  readonly full: boolean;
  /** Random for each report: what is equal stays equal within it, and nobody can try out what it was. */
  readonly salt: Uint8Array;
  /** What people have chosen (names of members, networks, computers), and what stands for it. */
  readonly names: ReadonlyMap<string, string>;
  /** Ids of networks and invites, which look like keys: in full they stay. */
  readonly ids: ReadonlySet<string>;
}

/** Private, shared, link-local and documentation's own ranges do not say where somebody is. */
const TELLS_NOTHING = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "240.0.0.0/4",
].map((text) => {
  const [address = "", length] = text.split("/");
  return { address, length: Number(length) };
});

const LINK = /castaway:\/\/\S*/gi;
/** 32 bytes as hexadecimal, base64 or base32 have 43 characters at least; a psk of 16 bytes has 22. */
const KEY = /[A-Za-z0-9+/_-]{40,}={0,2}/g;
const ID = /\b[\da-f]{16,}\b|[A-Za-z0-9+/_-]{22,}={0,2}/gi;
const MAC = /\b(?:[\da-f]{2}[:-]){5}[\da-f]{2}\b/gi;
/** Whatever an IPv6 address can be made of: a word or a full stop may stand right beside it. */
const ADDRESS_6 = /[\da-f:.]*:[\da-f:.]+/gi;
const TIME = /^\d{1,2}:\d{2}:\d{2}(\.\d+)?$/;
const ADDRESS_4 = /(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)/g;
const USER_FOLDER = /\/(home|Users)\/[^/\s"]+/g;
const DOMAIN = /(?<![\w.-])(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+[a-z]{2,24}(?![\w-]|\.\w)/gi;
/** Ends of file names, and settings of the kernel, which look like names of hosts. */
const NO_DOMAIN = /\.(ts|js|mjs|cjs|json|sock|service|conf|log|md|py|sh|lock|tmp)$|^(net|kernel|node)\./i;
/** Values of these are words of ours: a member called "host" must not change them. */
const OUR_WORDS = new Set([
  "role",
  "state",
  "kind",
  "mode",
  "path",
  "status",
  "level",
  "by",
  "code",
  "nameFrom",
  "payload",
]);
const MIN_NAME_IN_TEXT = 3;

export class Redactor {
  readonly #options: RedactorOptions;
  /** All names in one, so that what stands for one is not taken for another. */
  readonly #names: RegExp | undefined;
  readonly #instead: ReadonlyMap<string, string>;

  constructor(options: RedactorOptions) {
    this.#options = options;
    this.#instead = new Map([...options.names].map(([name, instead]) => [name.toLowerCase(), instead]));
    const inText = [...options.names.keys()]
      .filter((name) => name.length >= MIN_NAME_IN_TEXT)
      .sort((a, b) => b.length - a.length)
      .map((name) => RegExp.escape(name));
    if (inText.length > 0 && !options.full)
      this.#names = new RegExp(`(?<![\\p{L}\\p{N}])(?:${inText.join("|")})(?![\\p{L}\\p{N}])`, "giu");
  }

  /** A copy without what must not be seen; keys of objects are looked at too. */
  value<T>(value: T): T {
    return this.#value(value, undefined) as T;
  }

  text(text: string): string {
    // Names last but one: a network called "castaway" must not hide a link from us.
    return this.#domains(this.#withoutNames(this.#plain(text)));
  }

  #value(value: unknown, key: string | undefined): unknown {
    if (typeof value === "string") {
      if (key !== undefined && OUR_WORDS.has(key)) return this.#plain(value);
      return (!this.#options.full && this.#options.names.get(value)) || this.text(value);
    }
    if (Array.isArray(value)) return value.map((one) => this.#value(one, key));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [this.#plain(name), this.#value(one, name)]),
    );
  }

  /** Keys, links, ids and addresses: none of them is a word. */
  #plain(text: string): string {
    const { full, ids } = this.#options;
    const hidden = text
      .replaceAll(LINK, "castaway://(taken out)")
      .replaceAll(KEY, (key) => (isToken(key) ? "(taken out)" : key));
    if (full) return hidden.replaceAll(ID, (id) => (isToken(id) && !ids.has(id) ? "(taken out)" : id));
    return hidden
      .replaceAll(USER_FOLDER, "/$1/(user)")
      .replaceAll(MAC, (mac) => `mac-${this.#mark(mac.toLowerCase())}`)
      .replaceAll(ID, (id) => (isToken(id) ? `id-${this.#mark(id)}` : id))
      .replaceAll(ADDRESS_6, (run) => this.#address6(run))
      .replaceAll(ADDRESS_4, (address) => this.#address(address));
  }

  #address(text: string): string {
    const address = canonicalAddress(text);
    if (address === undefined || tellsNothing(address)) return text;
    const mark = this.#mark(address);
    if (family(address) === 4) return `${address.split(".", 2).join(".")}.x.x-${mark}`;
    return `${address.slice(0, address.indexOf(":"))}:x-${mark}`;
  }

  /** What looks like an address and is none to us is taken out: the reader loses little. */
  #address6(run: string): string {
    const [, before = "", middle = "", after = ""] = /^(:(?!:))?(.*?)([.:]?)$/s.exec(run) ?? [];
    for (const [head, candidate, tail] of [
      ["", run, ""],
      [before, middle, after],
      [before, middle + after, ""],
    ] as const)
      if (canonicalAddress(candidate)?.includes(":")) return head + this.#address(candidate) + tail;
    const colons = run.split(":").length - 1;
    return colons < 2 || TIME.test(middle) ? run : "(taken out)";
  }

  #domains(text: string): string {
    if (this.#options.full) return text;
    return text.replaceAll(DOMAIN, (name) =>
      NO_DOMAIN.test(name) ? name : `host-${this.#mark(name.toLowerCase())}`,
    );
  }

  #withoutNames(text: string): string {
    if (!this.#names) return text;
    return text.replaceAll(this.#names, (name) => this.#instead.get(name.toLowerCase()) ?? "(name)");
  }

  #mark(text: string): string {
    return createHash("sha256").update(this.#options.salt).update(text).digest("hex").slice(0, 6);
  }
}

/** Words and paths are long too, but they have neither digits nor capitals in between. */
function isToken(text: string): boolean {
  return /\d/.test(text) || (/(?:[A-Z].*){3}/.test(text) && /(?:[a-z].*){3}/.test(text));
}

function tellsNothing(address: Address): boolean {
  if (isMulticast(address)) return true;
  if (family(address) === 6) return address === "::" || address === "::1";
  return TELLS_NOTHING.some((prefix) => prefixContains(prefix, address));
}
