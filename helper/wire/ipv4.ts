import type { Address } from "#wire/address.ts";
import { internetChecksum } from "#wire/checksum.ts";
import { ChecksumError, DecodeError, EncodeError, inRange, Reader, Writer } from "#wire/cursor.ts";

/** RFC 791 section 3.1. `data` is without the type and length bytes. */
export interface Ipv4Option {
  readonly type: number;
  readonly data: Uint8Array;
}

export interface Ipv4Header {
  /** DSCP and ECN: the former TOS byte. */
  readonly trafficClass: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In bytes, a multiple of 8. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: Address;
  readonly destination: Address;
  /** Without the no-operation and end-of-list bytes, which only align and pad. */
  readonly options: readonly Ipv4Option[];
}

export interface Ipv4Packet {
  readonly header: Ipv4Header;
  /** A view of the input, up to the total length: link-layer padding behind it is left out. */
  readonly payload: Uint8Array;
}

const HEADER_LENGTH = 20;
const MAX_HEADER_LENGTH = 60;
const MAX_PACKET_LENGTH = 0xffff;
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;
const ROUTER_ALERT = 0x94; // RFC 2113 section 2.1: copied, class 0, number 20
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET_MASK = 0x1fff;

/** "Router shall examine packet", RFC 2113 section 2.1. */
export const IPV4_ROUTER_ALERT: Ipv4Option = { type: ROUTER_ALERT, data: Uint8Array.of(0, 0) };

/** Whether the Router Alert option is there with the one value that RFC 2113 defines. */
export function hasRouterAlert4(header: Ipv4Header): boolean {
  return header.options.some(
    ({ type, data }) => type === ROUTER_ALERT && data.length === 2 && data[0] === 0 && data[1] === 0,
  );
}

/** Throws DecodeError, or ChecksumError where the header is whole but its checksum wrong. */
export function decodeIpv4(bytes: Uint8Array): Ipv4Packet {
  const reader = new Reader(bytes);
  const versionAndLength = reader.u8("IPv4 version");
  const version = versionAndLength >> 4;
  if (version !== 4) throw new DecodeError("IPv4 version", version, 4);
  const headerLength = (versionAndLength & 0x0f) * 4;
  if (headerLength < HEADER_LENGTH) throw new DecodeError("IPv4 header length", headerLength, HEADER_LENGTH);
  if (headerLength > bytes.length) throw new DecodeError("IPv4 header length", headerLength, bytes.length);
  const trafficClass = reader.u8("IPv4 traffic class");
  const totalLength = reader.u16("IPv4 total length");
  if (totalLength < headerLength) throw new DecodeError("IPv4 total length", totalLength, headerLength);
  if (totalLength > bytes.length) throw new DecodeError("IPv4 total length", totalLength, bytes.length);
  const identification = reader.u16("IPv4 identification");
  const flagsAndOffset = reader.u16("IPv4 fragment offset");
  const ttl = reader.u8("IPv4 time to live");
  const protocol = reader.u8("IPv4 protocol");
  const checksum = reader.u16("IPv4 header checksum");
  if (internetChecksum(bytes.subarray(0, headerLength)) !== 0)
    throw new ChecksumError("IPv4 header checksum", checksum, "the sum of the header");
  const source = reader.address(4, "IPv4 source");
  const destination = reader.address(4, "IPv4 destination");
  const options = decodeOptions(reader.take(headerLength - HEADER_LENGTH, "IPv4 options"));
  const payload = reader.take(totalLength - headerLength, "IPv4 payload");
  const moreFragments = (flagsAndOffset & MORE_FRAGMENTS) !== 0;
  const fragmentOffset = (flagsAndOffset & FRAGMENT_OFFSET_MASK) * 8;
  // Such a fragment cannot be part of any packet: it would end past 65,535 bytes or leave a hole (RFC 791, 3.2).
  if (headerLength + fragmentOffset + payload.length > MAX_PACKET_LENGTH)
    throw new DecodeError("IPv4 fragment end", fragmentOffset + payload.length, MAX_PACKET_LENGTH);
  if (moreFragments && (payload.length % 8 !== 0 || payload.length === 0))
    throw new DecodeError("IPv4 fragment length", payload.length, "a multiple of 8");
  return {
    header: {
      trafficClass,
      identification,
      dontFragment: (flagsAndOffset & DONT_FRAGMENT) !== 0,
      moreFragments,
      fragmentOffset,
      ttl,
      protocol,
      source,
      destination,
      options,
    },
    payload,
  };
}

/** Throws EncodeError where a field does not fit. */
export function encodeIpv4(header: Ipv4Header, payload: Uint8Array): Uint8Array {
  const optionsLength = header.options.reduce((sum, option) => sum + 2 + option.data.length, 0);
  const headerLength = HEADER_LENGTH + Math.ceil(optionsLength / 4) * 4;
  inRange(headerLength, MAX_HEADER_LENGTH, "IPv4 header length");
  inRange(headerLength + header.fragmentOffset + payload.length, MAX_PACKET_LENGTH, "IPv4 packet length");
  if (inRange(header.fragmentOffset, MAX_PACKET_LENGTH, "IPv4 fragment offset") % 8 !== 0)
    throw new EncodeError("IPv4 fragment offset", header.fragmentOffset, "a multiple of 8");
  if (header.moreFragments && (payload.length % 8 !== 0 || payload.length === 0))
    throw new EncodeError("IPv4 fragment length", payload.length, "a multiple of 8");
  const writer = new Writer(headerLength + payload.length)
    .u8(0x40 | (headerLength / 4), "IPv4 version")
    .u8(header.trafficClass, "IPv4 traffic class")
    .u16(headerLength + payload.length, "IPv4 total length")
    .u16(header.identification, "IPv4 identification")
    .u16(
      (header.dontFragment ? DONT_FRAGMENT : 0) |
        (header.moreFragments ? MORE_FRAGMENTS : 0) |
        (header.fragmentOffset / 8),
      "IPv4 fragment offset",
    )
    .u8(header.ttl, "IPv4 time to live")
    .u8(header.protocol, "IPv4 protocol")
    .u16(0, "IPv4 header checksum")
    .address(header.source, 4, "IPv4 source")
    .address(header.destination, 4, "IPv4 destination");
  for (const { type, data } of header.options) {
    if (type <= NO_OPERATION) throw new EncodeError("IPv4 option", type, "an option that has a length");
    writer
      .u8(type, "IPv4 option")
      .u8(2 + data.length, "IPv4 option length")
      .bytes(data, "IPv4 option");
  }
  writer.zeros(headerLength - HEADER_LENGTH - optionsLength, "IPv4 option padding");
  writer.patch16(10, internetChecksum(writer.done()), "IPv4 header checksum");
  return writer.bytes(payload, "IPv4 payload").done();
}

function decodeOptions(bytes: Uint8Array): Ipv4Option[] {
  const reader = new Reader(bytes);
  const options: Ipv4Option[] = [];
  while (reader.remaining > 0) {
    const type = reader.u8("IPv4 option");
    if (type === END_OF_OPTIONS) break;
    if (type === NO_OPERATION) continue;
    const length = reader.u8("IPv4 option length");
    if (length < 2) throw new DecodeError("IPv4 option length", length, 2);
    options.push({ type, data: reader.take(length - 2, "IPv4 option") });
  }
  return options;
}
