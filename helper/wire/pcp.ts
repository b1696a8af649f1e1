// The Port Control Protocol's MAP, RFC 6887. Options are not sent, and those of an answer are skipped unread.
import { addressBytes, addressText, family, type Address } from "#wire/address.ts";
import { DecodeError, EncodeError, Reader, Writer } from "#wire/cursor.ts";

/** Section 19.1: the port of the server, NAT-PMP's too. */
export const PORT_CONTROL_PORT = 5351;
/** Where routers say, to all on the link, that they have started anew (RFC 6886 section 3.2.1, RFC 6887 section 14.1.3). */
export const ANNOUNCEMENT_PORT = 5350;
export const PCP_VERSION = 2;
export const PCP_NONCE_LENGTH = 12;
/** Section 7: of any message. */
const MAX_LENGTH = 1_100;
const OPCODE_ANNOUNCE = 0;
const OPCODE_MAP = 1;
const RESPONSE = 0x80;
const MAP_RESPONSE_LENGTH = 60;

/** Section 7.4. */
export const PCP_RESULTS = [
  "success",
  "unsupported-version",
  "not-authorized",
  "malformed-request",
  "unsupported-opcode",
  "unsupported-option",
  "malformed-option",
  "network-failure",
  "no-resources",
  "unsupported-protocol",
  "user-exceeded-quota",
  "cannot-provide-external",
  "address-mismatch",
  "excessive-remote-peers",
] as const;
export type PcpResult = (typeof PCP_RESULTS)[number] | "unknown";

export type MappedProtocol = "tcp" | "udp";
const PROTOCOL_NUMBERS: Readonly<Record<MappedProtocol, number>> = { tcp: 6, udp: 17 };

export interface PcpMapRequest {
  readonly client: Address;
  /** Seconds; 0 removes the mapping. */
  readonly lifetime: number;
  /** Who knows it may change the mapping (section 11.1). */
  readonly nonce: Uint8Array;
  readonly protocol: MappedProtocol;
  readonly internalPort: number;
  /** 0: any. */
  readonly suggestedPort: number;
}

export interface PcpMapResponse {
  readonly result: PcpResult;
  /** Seconds: of the mapping, or, with an error, how long it will stay one. */
  readonly lifetime: number;
  /** Seconds since the server began to forget nothing (section 8.5). */
  readonly epoch: number;
  readonly nonce: Uint8Array;
  readonly protocol: MappedProtocol | undefined;
  readonly internalPort: number;
  readonly externalPort: number;
  readonly externalAddress: Address;
}

/** Section 11.1, figure 9. Throws EncodeError. */
export function encodePcpMap(request: PcpMapRequest): Uint8Array {
  const { client, lifetime, nonce, protocol, internalPort, suggestedPort } = request;
  if (nonce.length !== PCP_NONCE_LENGTH)
    throw new EncodeError("PCP nonce length", nonce.length, PCP_NONCE_LENGTH);
  const any = family(client) === 4 ? "0.0.0.0" : "::";
  return new Writer(60)
    .u8(PCP_VERSION, "PCP version")
    .u8(OPCODE_MAP, "PCP opcode")
    .u16(0, "PCP reserved")
    .u32(lifetime, "PCP lifetime")
    .bytes(mapped(client), "PCP client address")
    .bytes(nonce, "PCP nonce")
    .u8(PROTOCOL_NUMBERS[protocol], "PCP protocol")
    .zeros(3, "PCP reserved")
    .u16(internalPort, "PCP internal port")
    .u16(suggestedPort, "PCP suggested port")
    .bytes(mapped(any), "PCP suggested address")
    .done();
}

/** Section 11.1, figure 10. A version other than 2 comes back alone: it is all that is said. Throws DecodeError. */
export function decodePcpMap(bytes: Uint8Array): PcpMapResponse {
  if (bytes.length > MAX_LENGTH) throw new DecodeError("PCP length", bytes.length, MAX_LENGTH);
  if (bytes.length % 4 !== 0) throw new DecodeError("PCP length", bytes.length, "a multiple of 4");
  const reader = new Reader(bytes);
  const version = reader.u8("PCP version");
  if (version !== PCP_VERSION) throw new DecodeError("PCP version", version, PCP_VERSION);
  const opcode = reader.u8("PCP opcode");
  if (opcode !== (OPCODE_MAP | RESPONSE)) throw new DecodeError("PCP opcode", opcode, OPCODE_MAP | RESPONSE);
  reader.skip(1, "PCP reserved");
  const result = PCP_RESULTS[reader.u8("PCP result")] ?? "unknown";
  const lifetime = reader.u32("PCP lifetime");
  const epoch = reader.u32("PCP epoch");
  reader.skip(12, "PCP reserved");
  const nonce = reader.take(PCP_NONCE_LENGTH, "PCP nonce").slice();
  const number = reader.u8("PCP protocol");
  const protocol = number === 6 ? "tcp" : number === 17 ? "udp" : undefined;
  reader.skip(3, "PCP reserved");
  const internalPort = reader.u16("PCP internal port");
  const externalPort = reader.u16("PCP external port");
  const externalAddress = unmapped(reader.take(16, "PCP external address"));
  return { result, lifetime, epoch, nonce, protocol, internalPort, externalPort, externalAddress };
}

/** Is it a server's announcement, RFC 6887 section 14.1? */
export function isPcpAnnouncement(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 24 &&
    bytes.length <= MAX_LENGTH &&
    bytes.length % 4 === 0 &&
    bytes[0] === PCP_VERSION &&
    bytes[1] === (OPCODE_ANNOUNCE | RESPONSE) &&
    bytes[3] === 0
  );
}

/** What the tests' router answers. Throws EncodeError. */
export function encodePcpMapResponse(response: PcpMapResponse): Uint8Array {
  const { result, lifetime, epoch, nonce, protocol, internalPort, externalPort, externalAddress } = response;
  return new Writer(MAP_RESPONSE_LENGTH)
    .u8(PCP_VERSION, "PCP version")
    .u8(OPCODE_MAP | RESPONSE, "PCP opcode")
    .u8(0, "PCP reserved")
    .u8(result === "unknown" ? 0xff : PCP_RESULTS.indexOf(result), "PCP result")
    .u32(lifetime, "PCP lifetime")
    .u32(epoch, "PCP epoch")
    .zeros(12, "PCP reserved")
    .bytes(nonce, "PCP nonce")
    .u8(protocol === undefined ? 0 : PROTOCOL_NUMBERS[protocol], "PCP protocol")
    .zeros(3, "PCP reserved")
    .u16(internalPort, "PCP internal port")
    .u16(externalPort, "PCP external port")
    .bytes(mapped(externalAddress), "PCP external address")
    .done();
}

/** Section 5: an IPv4 address is carried as an IPv4-mapped IPv6 address. */
function mapped(address: Address): Uint8Array {
  const bytes = addressBytes(address);
  if (bytes.length === 16) return bytes;
  const all = new Uint8Array(16);
  all.set([0xff, 0xff], 10);
  all.set(bytes, 12);
  return all;
}

function unmapped(bytes: Uint8Array): Address {
  const isMapped =
    bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return addressText(isMapped ? bytes.subarray(12) : bytes);
}
