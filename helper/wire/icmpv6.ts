import { addressBytes, type Address } from "#wire/address.ts";
import { internetChecksum, pseudoHeaderSum } from "#wire/checksum.ts";
import { ChecksumError, Reader, Writer } from "#wire/cursor.ts";
import { IpProtocol } from "#wire/ip-protocol.ts";

/** RFC 4443 section 2.1. */
export interface Icmpv6Message {
  readonly type: number;
  readonly code: number;
  /** All behind the checksum, a view of the input. */
  readonly body: Uint8Array;
}

/** The payload of an IPv6 packet between these addresses. Throws DecodeError and ChecksumError. */
export function decodeIcmpv6(bytes: Uint8Array, source: Address, destination: Address): Icmpv6Message {
  const reader = new Reader(bytes);
  const type = reader.u8("ICMPv6 type");
  const code = reader.u8("ICMPv6 code");
  const checksum = reader.u16("ICMPv6 checksum");
  if (icmpv6Checksum(bytes, source, destination) !== 0)
    throw new ChecksumError("ICMPv6 checksum", checksum, "the sum of the message");
  return { type, code, body: reader.rest() };
}

/** Throws EncodeError where a field does not fit. */
export function encodeIcmpv6(message: Icmpv6Message, source: Address, destination: Address): Uint8Array {
  const writer = new Writer(4 + message.body.length)
    .u8(message.type, "ICMPv6 type")
    .u8(message.code, "ICMPv6 code")
    .u16(0, "ICMPv6 checksum")
    .bytes(message.body, "ICMPv6 body");
  return writer.patch16(2, icmpv6Checksum(writer.done(), source, destination), "ICMPv6 checksum").done();
}

function icmpv6Checksum(bytes: Uint8Array, source: Address, destination: Address): number {
  const pseudo = pseudoHeaderSum(
    addressBytes(source),
    addressBytes(destination),
    IpProtocol.ICMPV6,
    bytes.length,
  );
  return internetChecksum(bytes, pseudo);
}
