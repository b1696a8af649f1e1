import { addressBytes, family, type Address } from "#wire/address.ts";
import { internetChecksum, pseudoHeaderSum } from "#wire/checksum.ts";
import { ChecksumError, DecodeError, inRange, Reader, Writer } from "#wire/cursor.ts";
import { IpProtocol } from "#wire/ip-protocol.ts";

export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** A view of the input, up to the UDP length. */
  readonly payload: Uint8Array;
}

const HEADER_LENGTH = 8;

/**
 * The payload of an IP packet between these addresses to its UDP datagram. A checksum of zero means "none" over
 * IPv4 (RFC 768) and is refused over IPv6 (RFC 8200 section 8.1). Throws DecodeError and ChecksumError.
 */
export function decodeUdp(bytes: Uint8Array, source: Address, destination: Address): UdpDatagram {
  const reader = new Reader(bytes);
  const sourcePort = reader.u16("UDP source port");
  const destinationPort = reader.u16("UDP destination port");
  const length = reader.u16("UDP length");
  if (length < HEADER_LENGTH) throw new DecodeError("UDP length", length, HEADER_LENGTH);
  if (length > bytes.length) throw new DecodeError("UDP length", length, bytes.length);
  const checksum = reader.u16("UDP checksum");
  const none = checksum === 0 && family(source) === 4;
  if (!none && (checksum === 0 || udpChecksum(bytes.subarray(0, length), source, destination) !== 0))
    throw new ChecksumError("UDP checksum", checksum, "the sum of the datagram");
  return { sourcePort, destinationPort, payload: reader.take(length - HEADER_LENGTH, "UDP payload") };
}

/** Always with a checksum. Throws EncodeError where a port or the payload does not fit. */
export function encodeUdp(datagram: UdpDatagram, source: Address, destination: Address): Uint8Array {
  const length = inRange(HEADER_LENGTH + datagram.payload.length, 0xffff, "UDP length");
  const writer = new Writer(length)
    .u16(datagram.sourcePort, "UDP source port")
    .u16(datagram.destinationPort, "UDP destination port")
    .u16(length, "UDP length")
    .u16(0, "UDP checksum")
    .bytes(datagram.payload, "UDP payload");
  const checksum = udpChecksum(writer.done(), source, destination);
  return writer.patch16(6, checksum === 0 ? 0xffff : checksum, "UDP checksum").done(); // zero would mean "none"
}

function udpChecksum(bytes: Uint8Array, source: Address, destination: Address): number {
  const pseudo = pseudoHeaderSum(
    addressBytes(source),
    addressBytes(destination),
    IpProtocol.UDP,
    bytes.length,
  );
  return internetChecksum(bytes, pseudo);
}
