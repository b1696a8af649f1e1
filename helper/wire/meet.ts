// The codec of a meeting point's messages. All integers are big-endian.
import { family } from "./address.ts";
import { DecodeError, EncodeError, Reader, Writer } from "./cursor.ts";
import {
  BIND_STATUSES,
  CALL_ID_LENGTH,
  COOKIE_LENGTH,
  FRAME_MEET,
  FRAME_PUNCH,
  ID_LENGTH,
  KINDS,
  MAX_MEET_MESSAGE,
  MAX_MEET_PAYLOAD,
  MEET_MAC_LENGTH,
  MIN_REQUEST,
  NONCE_LENGTH,
  PUNCH_TOKEN_LENGTH,
  REFUSALS,
  RELAY_TOKEN_LENGTH,
  REQUESTS,
  type MeetKind,
  type MeetMessage,
  type Place,
} from "./meet-message.ts";

const FIRST_WORD = FRAME_MEET * 0x100_0000;
const PUNCH_WORD = FRAME_PUNCH * 0x100_0000;

/** Throws EncodeError. */
export function encodeMeet(message: MeetMessage): Uint8Array {
  const writer = new Writer(MAX_MEET_MESSAGE);
  writer.u32(FIRST_WORD, "type").u8(KINDS.indexOf(message.kind) + 1, "kind");
  exact(writer, message.nonce, NONCE_LENGTH, "nonce");
  writeBody(writer, message);
  if (REQUESTS.has(message.kind)) writer.zeros(Math.max(0, MIN_REQUEST - writer.offset), "padding");
  if (message.kind === "register") {
    // The MAC is the last field of whatever has one.
    const bytes = writer.done().slice();
    bytes.set(message.mac, bytes.length - MEET_MAC_LENGTH);
    return bytes;
  }
  return writer.done();
}

/** Throws DecodeError. */
export function decodeMeet(bytes: Uint8Array): MeetMessage {
  if (bytes.length > MAX_MEET_MESSAGE) throw new DecodeError("length", bytes.length, MAX_MEET_MESSAGE);
  const reader = new Reader(bytes);
  const word = reader.u32("type");
  if (word !== FIRST_WORD) throw new DecodeError("type", word, FIRST_WORD);
  const number = reader.u8("kind");
  const kind = KINDS[number - 1];
  if (!kind) throw new DecodeError("kind", number, KINDS.length);
  if (REQUESTS.has(kind) && bytes.length < MIN_REQUEST)
    throw new DecodeError("request length", bytes.length, MIN_REQUEST);
  const nonce = reader.take(NONCE_LENGTH, "nonce").slice();
  const message = { nonce, ...readBody(kind, reader) } as MeetMessage;
  if (REQUESTS.has(kind)) {
    if (kind === "call" && reader.remaining > Math.max(0, MIN_REQUEST - reader.offset))
      throw new DecodeError("padding", reader.remaining, MIN_REQUEST);
    if (kind !== "call" && bytes.length !== MIN_REQUEST)
      throw new DecodeError("request length", bytes.length, MIN_REQUEST);
    if (reader.rest().some((byte) => byte !== 0)) throw new DecodeError("padding", 1, 0);
  } else reader.end("message");
  return message;
}

/** The bytes that a MAC covers and the MAC, of a message that ends with one. */
export function meetMac(bytes: Uint8Array): { readonly covered: Uint8Array; readonly mac: Uint8Array } {
  const at = bytes.length - MEET_MAC_LENGTH;
  return { covered: bytes.subarray(0, at), mac: bytes.subarray(at) };
}

/** A datagram whose purpose is to leave: it opens the way back through the sender's router. */
export function encodePunch(token: Uint8Array): Uint8Array {
  const writer = new Writer(4 + PUNCH_TOKEN_LENGTH).u32(PUNCH_WORD, "type");
  exact(writer, token, PUNCH_TOKEN_LENGTH, "token");
  return writer.done();
}

/** Its token; undefined where it is none. */
export function decodePunch(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length !== 4 + PUNCH_TOKEN_LENGTH || bytes[0] !== FRAME_PUNCH) return undefined;
  return bytes[1] || bytes[2] || bytes[3] ? undefined : bytes.subarray(4);
}

function writeBody(writer: Writer, message: MeetMessage): void {
  switch (message.kind) {
    case "hello":
      return;
    case "welcome":
      exact(writer, message.publicKey, ID_LENGTH, "public key");
      exact(writer, message.cookie, COOKIE_LENGTH, "cookie");
      return writePlace(writer, message.observed);
    case "register":
      exact(writer, message.cookie, COOKIE_LENGTH, "cookie");
      exact(writer, message.id, ID_LENGTH, "id");
      writer.u64(BigInt(message.stamp), "stamp");
      if (message.mac.length !== MEET_MAC_LENGTH) throw new EncodeError("mac", message.mac.length, 16);
      return;
    case "registered":
      exact(writer, message.cookie, COOKIE_LENGTH, "cookie");
      writer.u16(message.seconds, "seconds");
      writePlace(writer, message.observed);
      return exact(writer, message.mac, MEET_MAC_LENGTH, "mac");
    case "call":
      exact(writer, message.cookie, COOKIE_LENGTH, "cookie");
      exact(writer, message.id, ID_LENGTH, "id");
      exact(writer, message.callId, CALL_ID_LENGTH, "call id");
      return writePayload(writer, message.payload);
    case "refused":
      exact(writer, message.callId, CALL_ID_LENGTH, "call id");
      writer.u8(REFUSALS.indexOf(message.reason), "reason");
      return;
    case "incoming":
      exact(writer, message.callId, CALL_ID_LENGTH, "call id");
      writePayload(writer, message.payload);
      return exact(writer, message.mac, MEET_MAC_LENGTH, "mac");
    case "answer":
      exact(writer, message.id, ID_LENGTH, "id");
      exact(writer, message.callId, CALL_ID_LENGTH, "call id");
      writePayload(writer, message.payload);
      return exact(writer, message.mac, MEET_MAC_LENGTH, "mac");
    case "answered":
      exact(writer, message.callId, CALL_ID_LENGTH, "call id");
      return writePayload(writer, message.payload);
    case "relay-ask":
      exact(writer, message.cookie, COOKIE_LENGTH, "cookie");
      return exact(writer, message.callId, CALL_ID_LENGTH, "call id");
    case "relay":
      exact(writer, message.callId, CALL_ID_LENGTH, "call id");
      writer.u16(message.port, "port");
      exact(writer, message.token, RELAY_TOKEN_LENGTH, "token");
      return exact(writer, message.mac, MEET_MAC_LENGTH, "mac");
    case "bind":
      exact(writer, message.token, RELAY_TOKEN_LENGTH, "token");
      return exact(writer, message.cookie, COOKIE_LENGTH, "cookie");
    case "bind-status":
      writer.u8(BIND_STATUSES.indexOf(message.status), "status");
      exact(writer, message.cookie, COOKIE_LENGTH, "cookie");
      return exact(writer, message.mac, MEET_MAC_LENGTH, "mac");
  }
}

/** Without the nonce. */
function readBody(kind: MeetKind, reader: Reader): object {
  const take = (length: number, field: string): Uint8Array => reader.take(length, field).slice();
  const cookie = (): Uint8Array => take(COOKIE_LENGTH, "cookie");
  const id = (): Uint8Array => take(ID_LENGTH, "id");
  const callId = (): Uint8Array => take(CALL_ID_LENGTH, "call id");
  const mac = (): Uint8Array => take(MEET_MAC_LENGTH, "mac");
  // Object literals evaluate their fields in the order in which they stand, which is that of the wire.
  switch (kind) {
    case "hello":
      return { kind };
    case "welcome":
      return {
        kind,
        publicKey: take(ID_LENGTH, "public key"),
        cookie: cookie(),
        observed: readPlace(reader),
      };
    case "register": {
      const fields = { kind, cookie: cookie(), id: id(), stamp: readStamp(reader) };
      // Zeros up to the MAC, which ends the message.
      const padding = reader.take(Math.max(0, reader.remaining - MEET_MAC_LENGTH), "padding");
      if (padding.some((byte) => byte !== 0)) throw new DecodeError("padding", 1, 0);
      return { ...fields, mac: mac() };
    }
    case "registered":
      return {
        kind,
        cookie: cookie(),
        seconds: reader.u16("seconds"),
        observed: readPlace(reader),
        mac: mac(),
      };
    case "call":
      return { kind, cookie: cookie(), id: id(), callId: callId(), payload: readPayload(reader) };
    case "refused":
      return { kind, callId: callId(), reason: oneOf(REFUSALS, reader.u8("reason"), "reason") };
    case "incoming":
      return { kind, callId: callId(), payload: readPayload(reader), mac: mac() };
    case "answer":
      return { kind, id: id(), callId: callId(), payload: readPayload(reader), mac: mac() };
    case "answered":
      return { kind, callId: callId(), payload: readPayload(reader) };
    case "relay-ask":
      return { kind, cookie: cookie(), callId: callId() };
    case "relay":
      return {
        kind,
        callId: callId(),
        port: readPort(reader),
        token: take(RELAY_TOKEN_LENGTH, "token"),
        mac: mac(),
      };
    case "bind":
      return { kind, token: take(RELAY_TOKEN_LENGTH, "token"), cookie: cookie() };
    case "bind-status":
      return {
        kind,
        status: oneOf(BIND_STATUSES, reader.u8("status"), "status"),
        cookie: cookie(),
        mac: mac(),
      };
  }
}

function exact(writer: Writer, value: Uint8Array, length: number, field: string): void {
  if (value.length !== length) throw new EncodeError(`${field} length`, value.length, length);
  writer.bytes(value, field);
}

function oneOf<T>(values: readonly T[], number: number, field: string): T {
  const value = values[number];
  if (value === undefined) throw new DecodeError(field, number, values.length - 1);
  return value;
}

/** A clock of ours in it: an exact integer. */
function readStamp(reader: Reader): number {
  const stamp = reader.u64("stamp");
  if (stamp > BigInt(Number.MAX_SAFE_INTEGER))
    throw new DecodeError("stamp", String(stamp), Number.MAX_SAFE_INTEGER);
  return Number(stamp);
}

function writePayload(writer: Writer, payload: Uint8Array): void {
  if (payload.length > MAX_MEET_PAYLOAD) throw new EncodeError("payload", payload.length, MAX_MEET_PAYLOAD);
  writer.u16(payload.length, "payload length").bytes(payload, "payload");
}

function readPayload(reader: Reader): Uint8Array {
  const length = reader.u16("payload length");
  if (length > MAX_MEET_PAYLOAD) throw new DecodeError("payload length", length, MAX_MEET_PAYLOAD);
  return reader.take(length, "payload").slice();
}

export function writePlace(writer: Writer, place: Place): void {
  const of = family(place.address);
  writer.u8(of, "family").address(place.address, of === 4 ? 4 : 16, "address");
  if (place.port === 0) throw new EncodeError("port", 0, "1 to 65535");
  writer.u16(place.port, "port");
}

export function readPlace(reader: Reader): Place {
  const number = reader.u8("family");
  if (number !== 4 && number !== 6) throw new DecodeError("family", number, "4 or 6");
  const address = reader.address(number === 4 ? 4 : 16, "address");
  return { address, port: readPort(reader) };
}

function readPort(reader: Reader): number {
  const port = reader.u16("port");
  if (port === 0) throw new DecodeError("port", port, "1 to 65535");
  return port;
}
