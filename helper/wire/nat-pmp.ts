// NAT Port Mapping Protocol, RFC 6886. Version 0 on PCP's port; IPv4 alone.
import type { Address } from "#wire/address.ts";
import { DecodeError, Reader, Writer } from "#wire/cursor.ts";
import type { MappedProtocol } from "#wire/pcp.ts";

export const NAT_PMP_VERSION = 0;
const OP_ADDRESS = 0;
const OPCODES: Readonly<Record<MappedProtocol, number>> = { udp: 1, tcp: 2 };
const RESPONSE = 128;

/** Section 3.5. */
export const NAT_PMP_RESULTS = [
  "success",
  "unsupported-version",
  "not-authorized",
  "network-failure",
  "no-resources",
  "unsupported-opcode",
] as const;
export type NatPmpResult = (typeof NAT_PMP_RESULTS)[number] | "unknown";

export interface NatPmpMapRequest {
  readonly protocol: MappedProtocol;
  readonly internalPort: number;
  /** 0 where the mapping is removed. */
  readonly suggestedPort: number;
  /** Seconds; 0 removes the mapping. */
  readonly lifetime: number;
}

interface Answered {
  readonly result: NatPmpResult;
  /** Seconds since the router's tables were empty (section 3.6). */
  readonly epoch: number;
}
export interface NatPmpAddress extends Answered {
  readonly kind: "address";
  /** Where the result is a success. */
  readonly address: Address | undefined;
}
export interface NatPmpMapping extends Answered {
  readonly kind: "mapping";
  readonly protocol: MappedProtocol;
  readonly internalPort: number;
  readonly externalPort: number;
  readonly lifetime: number;
}
/** What a router that does not know an opcode, or a version, answers: the head of any response. */
export interface NatPmpRefusal extends Answered {
  readonly kind: "refusal";
}
export type NatPmpResponse = NatPmpAddress | NatPmpMapping | NatPmpRefusal;

/** Section 3.2. */
export function encodeAddressRequest(): Uint8Array {
  return new Writer(2).u8(NAT_PMP_VERSION, "NAT-PMP version").u8(OP_ADDRESS, "NAT-PMP opcode").done();
}

/** Section 3.3. Throws EncodeError. */
export function encodeNatPmpMap(request: NatPmpMapRequest): Uint8Array {
  return new Writer(12)
    .u8(NAT_PMP_VERSION, "NAT-PMP version")
    .u8(OPCODES[request.protocol], "NAT-PMP opcode")
    .u16(0, "NAT-PMP reserved")
    .u16(request.internalPort, "NAT-PMP internal port")
    .u16(request.suggestedPort, "NAT-PMP external port")
    .u32(request.lifetime, "NAT-PMP lifetime")
    .done();
}

/** Is it the address that a router tells everybody, RFC 6886 section 3.2.1? */
export function isNatPmpAnnouncement(bytes: Uint8Array): boolean {
  try {
    const said = decodeNatPmp(bytes);
    return said.kind === "address" && said.result === "success";
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

/** Throws DecodeError. */
export function decodeNatPmp(bytes: Uint8Array): NatPmpResponse {
  const reader = new Reader(bytes);
  const version = reader.u8("NAT-PMP version");
  if (version !== NAT_PMP_VERSION) throw new DecodeError("NAT-PMP version", version, NAT_PMP_VERSION);
  const opcode = reader.u8("NAT-PMP opcode");
  if (opcode < RESPONSE) throw new DecodeError("NAT-PMP opcode", opcode, `${RESPONSE} and above`);
  const result = NAT_PMP_RESULTS[reader.u16("NAT-PMP result")] ?? "unknown";
  const epoch = reader.u32("NAT-PMP epoch");
  const protocol = opcode === RESPONSE + 1 ? "udp" : opcode === RESPONSE + 2 ? "tcp" : undefined;
  // Errors come with or without the fields behind the epoch, by router.
  if (result !== "success" && (protocol === undefined || reader.remaining < 8)) {
    if (opcode === RESPONSE) return { kind: "address", result, epoch, address: undefined };
    return { kind: "refusal", result, epoch };
  }
  if (opcode === RESPONSE) {
    const address = reader.address(4, "NAT-PMP address");
    reader.end("NAT-PMP address");
    return { kind: "address", result, epoch, address };
  }
  if (protocol === undefined) throw new DecodeError("NAT-PMP opcode", opcode, RESPONSE + 2);
  const internalPort = reader.u16("NAT-PMP internal port");
  const externalPort = reader.u16("NAT-PMP external port");
  const lifetime = reader.u32("NAT-PMP lifetime");
  reader.end("NAT-PMP mapping");
  return { kind: "mapping", result, epoch, protocol, internalPort, externalPort, lifetime };
}
