import type { Address } from "#wire/address.ts";
import { DecodeError, EncodeError, inRange, Reader, Writer } from "#wire/cursor.ts";
import { IpProtocol } from "#wire/ip-protocol.ts";
import {
  decodeExtension,
  encodeExtension,
  extensionNumber,
  isExtension,
  type Ipv6Extension,
} from "#wire/ipv6-extension.ts";

export interface Ipv6Header {
  readonly trafficClass: number;
  readonly flowLabel: number;
  readonly hopLimit: number;
  readonly source: Address;
  readonly destination: Address;
  /** In the order on the wire. */
  readonly extensions: readonly Ipv6Extension[];
  /** The next header behind the extensions that this codec knows. ESP and AH end the walk: they read as protocols. */
  readonly protocol: number;
}

export interface Ipv6Packet {
  readonly header: Ipv6Header;
  /** A view of the input behind the extensions; of a fragment, its part alone. */
  readonly payload: Uint8Array;
}

const HEADER_LENGTH = 40;
const MAX_PAYLOAD_LENGTH = 0xffff;
/** RFC 8200 section 4.1 lists six headers at most, one of them twice; a chain that is longer is an attack. */
const MAX_EXTENSIONS = 8;

/** Throws DecodeError. Jumbograms (RFC 2675) are not read. */
export function decodeIpv6(bytes: Uint8Array): Ipv6Packet {
  const reader = new Reader(bytes);
  const versionClassLabel = reader.u32("IPv6 version");
  const version = versionClassLabel >>> 28;
  if (version !== 6) throw new DecodeError("IPv6 version", version, 6);
  const payloadLength = reader.u16("IPv6 payload length");
  let protocol = reader.u8("IPv6 next header");
  const hopLimit = reader.u8("IPv6 hop limit");
  const source = reader.address(16, "IPv6 source");
  const destination = reader.address(16, "IPv6 destination");
  const content = new Reader(reader.take(payloadLength, "IPv6 payload length"));

  const extensions: Ipv6Extension[] = [];
  while (isExtension(protocol)) {
    if (extensions.length === MAX_EXTENSIONS)
      throw new DecodeError("IPv6 extension headers", extensions.length + 1, MAX_EXTENSIONS);
    // RFC 8200 section 4.1: hop-by-hop stands directly behind the IPv6 header.
    if (protocol === IpProtocol.HOP_BY_HOP && extensions.length > 0)
      throw new DecodeError("IPv6 hop-by-hop header, at place", extensions.length, 0);
    const { nextHeader, extension } = decodeExtension(content, protocol);
    extensions.push(extension);
    protocol = nextHeader;
    if (extension.kind === "fragment") {
      checkFragment(extension, content.remaining);
      if (extension.offset > 0) break; // the headers behind are in the first fragment
    }
  }
  return {
    header: {
      trafficClass: (versionClassLabel >>> 20) & 0xff,
      flowLabel: versionClassLabel & 0xf_ffff,
      hopLimit,
      source,
      destination,
      extensions,
      protocol,
    },
    payload: content.rest(),
  };
}

/** Throws EncodeError where a field does not fit. */
export function encodeIpv6(header: Ipv6Header, payload: Uint8Array): Uint8Array {
  inRange(header.extensions.length, MAX_EXTENSIONS, "IPv6 extension headers");
  const numbers = header.extensions.map(extensionNumber);
  checkOrder(header, payload.length);
  const encoded = header.extensions.map((extension, i) =>
    encodeExtension(extension, numbers[i + 1] ?? header.protocol),
  );
  const payloadLength = encoded.reduce((sum, extension) => sum + extension.length, payload.length);
  inRange(payloadLength, MAX_PAYLOAD_LENGTH, "IPv6 payload length");
  const writer = new Writer(HEADER_LENGTH + payloadLength)
    .u32(
      6 * 2 ** 28 +
        inRange(header.trafficClass, 0xff, "IPv6 traffic class") * 2 ** 20 +
        inRange(header.flowLabel, 0xf_ffff, "IPv6 flow label"),
      "IPv6 version",
    )
    .u16(payloadLength, "IPv6 payload length")
    .u8(numbers[0] ?? header.protocol, "IPv6 next header")
    .u8(header.hopLimit, "IPv6 hop limit")
    .address(header.source, 16, "IPv6 source")
    .address(header.destination, 16, "IPv6 destination");
  for (const extension of encoded) writer.bytes(extension, "IPv6 extension");
  return writer.bytes(payload, "IPv6 payload").done();
}

// RFC 8200 section 4.5: such a fragment cannot be part of any packet.
function checkFragment(fragment: { readonly offset: number; readonly more: boolean }, length: number): void {
  if (fragment.more && (length % 8 !== 0 || length === 0))
    throw new DecodeError("IPv6 fragment length", length, "a multiple of 8");
  if (fragment.offset + length > MAX_PAYLOAD_LENGTH)
    throw new DecodeError("IPv6 fragment end", fragment.offset + length, MAX_PAYLOAD_LENGTH);
}

// What the decoder would refuse, or read in another way.
function checkOrder(header: Ipv6Header, payloadLength: number): void {
  const last = header.extensions.length - 1;
  for (const [place, extension] of header.extensions.entries()) {
    if (extension.kind === "hop-by-hop" && place > 0)
      throw new EncodeError("IPv6 hop-by-hop header, at place", place, 0);
    if (extension.kind !== "fragment") continue;
    if (extension.offset > 0 && place < last)
      throw new EncodeError("IPv6 headers behind a later fragment's", last - place, 0);
    if (extension.more && place === last && (payloadLength % 8 !== 0 || payloadLength === 0))
      throw new EncodeError("IPv6 fragment length", payloadLength, "a multiple of 8");
    inRange(extension.offset + payloadLength, MAX_PAYLOAD_LENGTH, "IPv6 fragment end");
  }
  const end = header.extensions.at(-1);
  if (isExtension(header.protocol) && !(end?.kind === "fragment" && end.offset > 0))
    throw new EncodeError("IPv6 protocol", header.protocol, "one that is no extension header");
}
