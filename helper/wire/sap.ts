import { family, type Address } from "./address.ts";
import { DecodeError, EncodeError, Reader, Writer } from "./cursor.ts";

// Session Announcement Protocol (RFC 2974): who sends what, told to everybody on a group of its own.

export const SAP_PORT = 9875;
const VERSION = 1;
/** Of RFC 2974 section 3's first byte: V(3) A R T E C. */
const VERSION_SHIFT = 5;
const ADDRESS_6 = 0x10;
const DELETION = 0x04;
const ENCRYPTED = 0x02;
const COMPRESSED = 0x01;
/** MIME types of payloads are short. */
const MAX_PAYLOAD_TYPE = 64;
const MAX_AUTHENTICATION = 0xff * 4;
/** What a payload without a type in front begins with: a description, or its origin line (sections 5 and 6). */
const UNTYPED = ["v=0", "o="].map((text) => new TextEncoder().encode(text));

export const SDP_TYPE = "application/sdp";

export interface SapMessage {
  readonly deletion: boolean;
  /** Identifies, with `source`, this version of the announcement; 0: it does not. */
  readonly hash: number;
  /** Of the announcement, as it says itself. */
  readonly source: Address;
  /** Not checked: nobody has a key for it. A whole number of 32-bit words. */
  readonly authentication: Uint8Array;
  /** undefined: none was given, which means SDP_TYPE. */
  readonly payloadType: string | undefined;
  /** A view of the input. */
  readonly payload: Uint8Array;
}

/** Throws DecodeError; also for what is encrypted or compressed, which nobody sends and everybody could fill up. */
export function decodeSap(bytes: Uint8Array): SapMessage {
  const reader = new Reader(bytes);
  const flags = reader.u8("SAP flags");
  if (flags >>> VERSION_SHIFT !== VERSION)
    throw new DecodeError("SAP version", flags >>> VERSION_SHIFT, VERSION);
  if ((flags & ENCRYPTED) !== 0) throw new DecodeError("SAP payload", "encrypted", "plain");
  if ((flags & COMPRESSED) !== 0) throw new DecodeError("SAP payload", "compressed", "plain");
  const authenticationLength = 4 * reader.u8("SAP authentication length");
  const hash = reader.u16("SAP message id hash");
  const source = reader.address((flags & ADDRESS_6) === 0 ? 4 : 16, "SAP originating source");
  const authentication = reader.take(authenticationLength, "SAP authentication data").slice();
  const { payloadType, payload } = typed(reader.rest());
  return { deletion: (flags & DELETION) !== 0, hash, source, authentication, payloadType, payload };
}

/** Throws EncodeError. */
export function encodeSap(message: SapMessage): Uint8Array {
  const { deletion, hash, source, authentication, payloadType, payload } = message;
  const length = family(source) === 4 ? 4 : 16;
  if (authentication.length % 4 !== 0 || authentication.length > MAX_AUTHENTICATION)
    throw new EncodeError("SAP authentication data", authentication.length, MAX_AUTHENTICATION);
  if (
    payloadType === undefined
      ? !isUntyped(payload)
      : !isPayloadType(payloadType) || isUntypedText(payloadType)
  )
    throw new EncodeError("SAP payload type", payloadType ?? "none", "a MIME type, or SDP");
  const type = new TextEncoder().encode(payloadType === undefined ? "" : `${payloadType}\0`);
  return new Writer(8 + 16 + authentication.length + type.length + payload.length)
    .u8((VERSION << VERSION_SHIFT) | (length === 16 ? ADDRESS_6 : 0) | (deletion ? DELETION : 0), "SAP flags")
    .u8(authentication.length / 4, "SAP authentication length")
    .u16(hash, "SAP message id hash")
    .address(source, length, "SAP originating source")
    .bytes(authentication, "SAP authentication data")
    .bytes(type, "SAP payload type")
    .bytes(payload, "SAP payload")
    .done();
}

function typed(rest: Uint8Array): Pick<SapMessage, "payloadType" | "payload"> {
  if (isUntyped(rest)) return { payloadType: undefined, payload: rest };
  const end = rest.subarray(0, MAX_PAYLOAD_TYPE + 1).indexOf(0);
  if (end < 0) throw new DecodeError("SAP payload type", rest.length, MAX_PAYLOAD_TYPE);
  const payloadType = String.fromCharCode(...rest.subarray(0, end));
  if (!isPayloadType(payloadType))
    throw new DecodeError("SAP payload type", payloadType.length, "a MIME type");
  return { payloadType, payload: rest.subarray(end + 1) };
}

function isUntyped(payload: Uint8Array): boolean {
  return UNTYPED.some((start) => start.every((byte, i) => payload[i] === byte));
}

function isUntypedText(text: string): boolean {
  return isUntyped(new TextEncoder().encode(text));
}

function isPayloadType(text: string): boolean {
  return text.length <= MAX_PAYLOAD_TYPE && /^[\w.+-]+\/[\w.+-]+(;[\x20-\x7e]*)?$/.test(text);
}
