// IP addresses in the slow path are canonical text ("239.1.2.3", RFC 5952 "ff1e::1"): they work as map keys,
// in JSON and in messages to people. The fast path uses the bytes.

/** A canonical IPv4 or IPv6 address: what `addressText` returns. */
export type Address = string;
export type Family = 4 | 6;

export class AddressError extends Error {
  override name = "AddressError";
}

export function family(address: Address): Family {
  return address.includes(":") ? 6 : 4;
}

/** 4 or 16 bytes to canonical text (RFC 5952: lower case, longest run of zeros shortened, no leading zeros). */
export function addressText(bytes: Uint8Array): Address {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  if (bytes.length !== 16) throw new AddressError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i]! << 8) | bytes[i + 1]!);
  let bestStart = -1;
  let bestLength = 1; // a single zero group is never shortened
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > bestLength) [bestStart, bestLength] = [start, length];
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestStart < 0) return hex.join(":");
  return `${hex.slice(0, bestStart).join(":")}::${hex.slice(bestStart + bestLength).join(":")}`;
}

/** Text in any valid form to 4 or 16 bytes. Throws AddressError with the text in it. */
export function addressBytes(text: string): Uint8Array {
  const bytes = text.includes(":") ? parse6(text) : parse4(text);
  if (!bytes) throw new AddressError(`not an IP address: "${text.slice(0, 64)}"`);
  return bytes;
}

/** Any valid text form to the canonical one; undefined where it is no address. */
export function canonicalAddress(text: string): Address | undefined {
  const bytes = text.includes(":") ? parse6(text) : parse4(text);
  return bytes && addressText(bytes);
}

function parse4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

function parse6(text: string): Uint8Array | undefined {
  if (text.length > 45) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  const bytes = new Uint8Array(16);
  for (const [i, group] of groups.entries()) {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 0xff;
  }
  return bytes;
}

function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (part.includes(".")) {
      const v4 = last && i === parts.length - 1 ? parse4(part) : undefined;
      if (!v4) return undefined;
      groups.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(parseInt(part, 16));
    }
  }
  return groups;
}

export function isMulticast(address: Address): boolean {
  if (family(address) === 6) return address.startsWith("ff") && addressBytes(address)[0] === 0xff;
  const first = Number(address.slice(0, address.indexOf(".")));
  return first >= 224 && first <= 239;
}

export interface Prefix {
  readonly address: Address;
  readonly length: number;
}

/** "239.0.0.0/8", "ff1e::/16"; bits behind the length must be zero. Throws AddressError. */
export function parsePrefix(text: string): Prefix {
  const [addressPart = "", lengthPart, rest] = text.split("/");
  const bytes = addressBytes(addressPart);
  const bits = bytes.length * 8;
  const length = lengthPart === undefined ? bits : Number(lengthPart);
  if (rest !== undefined || !/^\d{1,3}$/.test(lengthPart ?? "0") || length > bits)
    throw new AddressError(`not a prefix: "${text.slice(0, 64)}"`);
  for (let bit = length; bit < bits; bit++)
    if (bytes[bit >> 3]! & (0x80 >> (bit & 7)))
      throw new AddressError(`"${text.slice(0, 64)}" has bits set behind its length of ${length}`);
  return { address: addressText(bytes), length };
}

export function prefixText(prefix: Prefix): string {
  return `${prefix.address}/${prefix.length}`;
}

export function prefixContains(prefix: Prefix, address: Address): boolean {
  if (family(prefix.address) !== family(address)) return false;
  const a = addressBytes(prefix.address);
  const b = addressBytes(address);
  for (let bit = 0; bit < prefix.length; bit++) {
    const mask = 0x80 >> (bit & 7);
    if ((a[bit >> 3]! & mask) !== (b[bit >> 3]! & mask)) return false;
  }
  return true;
}
