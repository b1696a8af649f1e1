import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { canonicalAddress, family } from "#wire/address.ts";
import { DecodeError, EncodeError } from "#wire/cursor.ts";
import type { Reader, Writer } from "#wire/cursor.ts";

/** First byte of a candidate: the kind of address, or 1 + the length of a host name. */
const IPV4 = 0;
const IPV6 = 1;
const HOST_NAME_LENGTH = 253; // RFC 1035 section 2.3.4, as text
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*$/i;

/** An IP address, or a host name of letters, digits, hyphens and underscores in labels (RFC 1123 section 2.1). */
export function isCandidateHost(host: string): boolean {
  return canonicalAddress(host) !== undefined || (HOST_NAME.test(host) && !/^[\d.]+$/.test(host));
}

/** Candidate = kind u8, address (4, 16 or name bytes), port u16. Throws EncodeError. */
export function encodeCandidate(writer: Writer, { host, port }: Candidate): void {
  const address = canonicalAddress(host);
  if (!isCandidateHost(host)) throw new EncodeError("candidate", host, "an IP address or host name");
  if (port === 0) throw new EncodeError("candidate port", port, "1 to 65535");
  if (address !== undefined) {
    const is4 = family(address) === 4;
    writer.u8(is4 ? IPV4 : IPV6, "candidate kind").address(address, is4 ? 4 : 16, "candidate");
  } else {
    const name = new TextEncoder().encode(host.toLowerCase());
    writer.u8(name.length + 1, "host name length").bytes(name, "host name");
  }
  writer.u16(port, "candidate port");
}

/** Throws DecodeError. */
export function decodeCandidate(reader: Reader): Candidate {
  const kind = reader.u8("candidate kind");
  const host =
    kind <= IPV6 ? reader.address(kind === IPV4 ? 4 : 16, "candidate") : decodeName(reader, kind - 1);
  const port = reader.u16("candidate port");
  if (port === 0) throw new DecodeError("candidate port", port, "1 to 65535");
  return { host, port };
}

function decodeName(reader: Reader, length: number): string {
  if (length > HOST_NAME_LENGTH) throw new DecodeError("host name length", length, HOST_NAME_LENGTH);
  const host = new TextDecoder().decode(reader.take(length, "host name"));
  if (!isCandidateHost(host) || canonicalAddress(host) !== undefined)
    throw new DecodeError("host name", host, "letters, digits, hyphens and dots");
  return host.toLowerCase(); // RFC 4343: the same name
}
