import { Reader, Writer } from "./cursor.ts";
import { INITIATION_PAYLOAD_LENGTH, RESPONSE_PAYLOAD_LENGTH } from "./frame-handshake.ts";

// What the two handshake messages carry inside the encryption.

export const TIMESTAMP_LENGTH = 12;
export const INVITE_ID_LENGTH = 8;

/** Grows with every addition that an older version can ignore; the prologue names the major version. */
export const PROTOCOL_MINOR = 0;

/** Data ciphers by their number on the wire. Every implementation has both; the order says what is fast. */
export const CIPHER_CHACHA20_POLY1305 = 1;
export const CIPHER_AES_256_GCM = 2;
const CIPHER_SLOTS = 4;

/** Flags of an initiation; those of a later version are ignored. */
const FLAG_FROM_HOST = 1;
const FLAG_STATIC = 2;

/**
 * Who calls: a guest, for the receiver's own network; the host of a network that the receiver is a guest of; or a peer
 * that both ends have in a file. One pair of computers may have a session of each kind.
 */
export type Caller = "guest" | "host" | "static";
const CALLER_FLAGS: Readonly<Record<Caller, number>> = {
  guest: 0,
  host: FLAG_FROM_HOST,
  static: FLAG_STATIC,
};

/** By number on the wire. "pending-approval" gives keys like "ok": control alone passes until the host approves. */
const STATUSES = [
  "ok",
  "pending-approval",
  "expired",
  "used-up",
  "revoked",
  "removed",
  "full",
  "refused",
] as const;
export type HandshakeStatus = (typeof STATUSES)[number];

export interface InitiationPayload {
  /** 12 bytes, compared as one big-endian number. */
  readonly timestamp: Uint8Array;
  readonly minor: number;
  readonly caller: Caller;
  /** Cipher numbers, the preferred one first; 4 at most. */
  readonly ciphers: readonly number[];
  /** 8 bytes; all zero where the peer is a known member. */
  readonly inviteId: Uint8Array;
}

export interface ResponsePayload {
  readonly status: HandshakeStatus;
  readonly cipher: number;
  readonly minor: number;
  /** The responder's wall clock, ms since 1970. */
  readonly wallMs: number;
}

/** Throws DecodeError. Bytes behind the known fields are a later version's. */
export function decodeInitiationPayload(bytes: Uint8Array): InitiationPayload {
  const reader = new Reader(bytes);
  const timestamp = reader.take(TIMESTAMP_LENGTH, "timestamp");
  const minor = reader.u8("minor version");
  const caller = callerOf(reader.u8("flags"));
  const ciphers = [...reader.take(CIPHER_SLOTS, "ciphers")].filter((number) => number !== 0);
  reader.skip(2, "reserved");
  return { timestamp, minor, caller, ciphers, inviteId: reader.take(INVITE_ID_LENGTH, "invite id") };
}

export function encodeInitiationPayload(payload: InitiationPayload): Uint8Array {
  const writer = new Writer(INITIATION_PAYLOAD_LENGTH)
    .bytes(payload.timestamp, "timestamp")
    .u8(payload.minor, "minor version")
    .u8(CALLER_FLAGS[payload.caller], "flags")
    .bytes(Uint8Array.from(payload.ciphers), "ciphers")
    .zeros(CIPHER_SLOTS - payload.ciphers.length, "unused ciphers")
    .zeros(2, "reserved")
    .bytes(payload.inviteId, "invite id");
  if (writer.offset !== INITIATION_PAYLOAD_LENGTH) throw new RangeError("a field has the wrong length");
  return writer.done();
}

function callerOf(flags: number): Caller {
  if ((flags & FLAG_STATIC) !== 0) return "static";
  return (flags & FLAG_FROM_HOST) !== 0 ? "host" : "guest";
}

/** Throws DecodeError. A status that a later version added reads as "refused". */
export function decodeResponsePayload(bytes: Uint8Array): ResponsePayload {
  const reader = new Reader(bytes);
  const status = STATUSES[reader.u8("status")] ?? "refused";
  const cipher = reader.u8("cipher");
  const minor = reader.u8("minor version");
  reader.skip(1, "reserved");
  return { status, cipher, minor, wallMs: Number(reader.u64("wall clock")) };
}

export function encodeResponsePayload(payload: ResponsePayload): Uint8Array {
  return new Writer(RESPONSE_PAYLOAD_LENGTH)
    .u8(STATUSES.indexOf(payload.status), "status")
    .u8(payload.cipher, "cipher")
    .u8(payload.minor, "minor version")
    .u8(0, "reserved")
    .u64(BigInt(payload.wallMs), "wall clock")
    .done();
}
