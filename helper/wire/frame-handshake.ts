import {
  frameType,
  FRAME_COOKIE_REPLY,
  FRAME_HANDSHAKE_INITIATION,
  FRAME_HANDSHAKE_RESPONSE,
} from "./frame.ts";
import { Reader, Writer } from "./cursor.ts";

// The frames of a handshake. The Noise messages in them are opaque here; docs/protocol.md has the whole picture.

export const MAC_LENGTH = 16;
export const COOKIE_NONCE_LENGTH = 24;
/** A cookie (16 bytes) and its tag. */
export const SEALED_COOKIE_LENGTH = 32;

export const INITIATION_PAYLOAD_LENGTH = 28;
export const RESPONSE_PAYLOAD_LENGTH = 12;

/** Header, then e, sealed s, sealed payload, then two MACs. */
export const INITIATION_LENGTH = 8 + 32 + 48 + (INITIATION_PAYLOAD_LENGTH + 16) + 2 * MAC_LENGTH;
/** A later minor version may put more behind the payload's known fields. */
export const MAX_INITIATION_LENGTH = INITIATION_LENGTH + 128;
export const RESPONSE_LENGTH = 12 + 32 + (RESPONSE_PAYLOAD_LENGTH + 16) + 2 * MAC_LENGTH;
/** Never longer than the shortest initiation, so that a handshake amplifies nothing. */
export const MAX_RESPONSE_LENGTH = INITIATION_LENGTH;
export const COOKIE_REPLY_LENGTH = 8 + COOKIE_NONCE_LENGTH + SEALED_COOKIE_LENGTH;

/** Can a frame of that type have that length? For noise that is to cost nothing: it decides before anything is parsed. */
export function fitsHandshake(type: number, length: number): boolean {
  switch (type) {
    case FRAME_HANDSHAKE_INITIATION:
      return length >= INITIATION_LENGTH && length <= MAX_INITIATION_LENGTH;
    case FRAME_HANDSHAKE_RESPONSE:
      return length >= RESPONSE_LENGTH && length <= MAX_RESPONSE_LENGTH;
    case FRAME_COOKIE_REPLY:
      return length === COOKIE_REPLY_LENGTH;
    default:
      return true;
  }
}

export interface InitiationFrame {
  readonly senderIndex: number;
  readonly noise: Uint8Array;
}

export interface ResponseFrame {
  readonly senderIndex: number;
  readonly receiverIndex: number;
  readonly noise: Uint8Array;
}

export interface CookieReplyFrame {
  readonly receiverIndex: number;
  readonly nonce: Uint8Array; // 24 bytes
  readonly sealed: Uint8Array; // 32 bytes
}

/** A handshake frame is authenticated by its two last fields, so they are handled apart from the rest. */
export interface FrameMacs {
  /** What mac1 covers: everything in front of it. */
  readonly covered1: Uint8Array;
  readonly mac1: Uint8Array;
  /** What mac2 covers: everything in front of it, mac1 included. */
  readonly covered2: Uint8Array;
  readonly mac2: Uint8Array;
}

export function frameMacs(frame: Uint8Array): FrameMacs {
  const at2 = frame.length - MAC_LENGTH;
  const at1 = at2 - MAC_LENGTH;
  return {
    covered1: frame.subarray(0, at1),
    mac1: frame.subarray(at1, at2),
    covered2: frame.subarray(0, at2),
    mac2: frame.subarray(at2),
  };
}

export function decodeInitiation(bytes: Uint8Array): InitiationFrame | undefined {
  if (bytes.length < INITIATION_LENGTH || bytes.length > MAX_INITIATION_LENGTH) return undefined;
  if (frameType(bytes) !== FRAME_HANDSHAKE_INITIATION) return undefined;
  const reader = new Reader(bytes);
  reader.skip(4, "type");
  const senderIndex = reader.u32("sender index");
  return { senderIndex, noise: reader.take(reader.remaining - 2 * MAC_LENGTH, "noise message") };
}

/** With both MACs zero: see `FrameMacs`. */
export function encodeInitiation(frame: InitiationFrame): Uint8Array {
  return new Writer(8 + frame.noise.length + 2 * MAC_LENGTH)
    .u32(FRAME_HANDSHAKE_INITIATION * 0x1000000, "type")
    .u32(frame.senderIndex, "sender index")
    .bytes(frame.noise, "noise message")
    .zeros(2 * MAC_LENGTH, "macs")
    .done();
}

export function decodeResponse(bytes: Uint8Array): ResponseFrame | undefined {
  if (bytes.length < RESPONSE_LENGTH || bytes.length > MAX_RESPONSE_LENGTH) return undefined;
  if (frameType(bytes) !== FRAME_HANDSHAKE_RESPONSE) return undefined;
  const reader = new Reader(bytes);
  reader.skip(4, "type");
  const senderIndex = reader.u32("sender index");
  const receiverIndex = reader.u32("receiver index");
  return {
    senderIndex,
    receiverIndex,
    noise: reader.take(reader.remaining - 2 * MAC_LENGTH, "noise message"),
  };
}

/** With both MACs zero: see `FrameMacs`. */
export function encodeResponse(frame: ResponseFrame): Uint8Array {
  return new Writer(12 + frame.noise.length + 2 * MAC_LENGTH)
    .u32(FRAME_HANDSHAKE_RESPONSE * 0x1000000, "type")
    .u32(frame.senderIndex, "sender index")
    .u32(frame.receiverIndex, "receiver index")
    .bytes(frame.noise, "noise message")
    .zeros(2 * MAC_LENGTH, "macs")
    .done();
}

export function decodeCookieReply(bytes: Uint8Array): CookieReplyFrame | undefined {
  if (bytes.length !== COOKIE_REPLY_LENGTH || frameType(bytes) !== FRAME_COOKIE_REPLY) return undefined;
  const reader = new Reader(bytes);
  reader.skip(4, "type");
  const receiverIndex = reader.u32("receiver index");
  const nonce = reader.take(COOKIE_NONCE_LENGTH, "nonce");
  return { receiverIndex, nonce, sealed: reader.take(SEALED_COOKIE_LENGTH, "sealed cookie") };
}

export function encodeCookieReply(frame: CookieReplyFrame): Uint8Array {
  return new Writer(COOKIE_REPLY_LENGTH)
    .u32(FRAME_COOKIE_REPLY * 0x1000000, "type")
    .u32(frame.receiverIndex, "receiver index")
    .bytes(frame.nonce, "nonce")
    .bytes(frame.sealed, "sealed cookie")
    .done();
}
