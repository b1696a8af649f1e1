import { family, type Address } from "./address.ts";
import {
  decodeDiscovery,
  DISCOVERY_TYPES,
  encodeDiscovery,
  isDiscovery,
  type DiscoveryMessage,
} from "./control-discovery.ts";
import { readText, writeText } from "./control-text.ts";
import { DecodeError, Reader, Writer } from "./cursor.ts";
import { decodeStateMessage, encodeStateBody, STATE_TYPES } from "./control-state.ts";
import type { StateMessage } from "./control-state.ts";
import { FRAME_OVERHEAD, MAX_UNFRAGMENTED } from "./frame.ts";

// Control messages between two members, the plaintext behind an inner header of KIND_CONTROL: one message or more,
// each { type u8, zero u8, length u16, body }. A type that is not known is skipped, and so are bytes behind the
// known fields of a body: a later minor version may add both.

/** Header included; what is larger is sent in parts (control-state.ts). Fits in one datagram on any path. */
export const MAX_CONTROL = 1200;
export const CONTROL_HEADER_LENGTH = 4;
export const MAX_CONTROL_BODY = MAX_CONTROL - CONTROL_HEADER_LENGTH;

const HELLO = 1;
const PING = 2;
const PONG = 3;
const CLOSE = 4;
const OBSERVED = 5;

/** 40 characters of four bytes. */
export const MAX_NAME_BYTES = 160;
export const MAX_BUILD_BYTES = 32;

const CLOSE_REASONS = ["unknown", "bye", "removed", "restarting"] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

export interface Hello {
  readonly type: "hello";
  readonly minor: number;
  /** Random for each start of the sender: another one means that it has forgotten everything. */
  readonly incarnation: number;
  /** Bits; what a bit says belongs to the layer above. */
  readonly capabilities: number;
  /** The receiver shall send its own hello. */
  readonly wantsReply: boolean;
  readonly name: string;
  readonly build: string;
}

/** What a member has got from the receiver of the report; counts are of the session, modulo 2^32. */
export interface PathReport {
  /** Datagrams that must have been sent, by the counters of those that came. */
  readonly expected: number;
  readonly received: number;
  /** Bytes of the largest of the last half second. */
  readonly largest: number;
}
const REPORT_LENGTH = 10;

export type ControlMessage =
  | Hello
  /** The stamp is the sender's clock in microseconds, modulo 2^32; nobody else reads it. */
  | { readonly type: "ping"; readonly stamp: number }
  | { readonly type: "pong"; readonly stamp: number; readonly report?: PathReport }
  | { readonly type: "close"; readonly reason: CloseReason }
  /** Where the receiver's datagrams come from, as seen by the sender. */
  | { readonly type: "observed"; readonly address: Address; readonly port: number }
  | DiscoveryMessage
  | StateMessage;

export interface DecodedControl {
  readonly messages: readonly ControlMessage[];
  readonly unknown: number;
  readonly malformed: number;
}

/** Never throws: what is wrong is counted. After a broken length nothing more can be read. */
export function decodeControl(bytes: Uint8Array): DecodedControl {
  const messages: ControlMessage[] = [];
  let unknown = 0;
  let malformed = 0;
  if (bytes.length > MAX_UNFRAGMENTED) return { messages, unknown, malformed: 1 };
  const reader = new Reader(bytes);
  while (reader.remaining > 0) {
    try {
      const type = reader.u8("type");
      reader.skip(1, "reserved");
      const body = reader.take(reader.u16("length"), "body");
      try {
        const message = decodeBody(type, new Reader(body));
        if (message) messages.push(message);
        else unknown++;
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        malformed++;
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      malformed++;
      break;
    }
  }
  return { messages, unknown, malformed };
}

function decodeBody(type: number, reader: Reader): ControlMessage | undefined {
  switch (type) {
    case HELLO:
      return {
        type: "hello",
        minor: reader.u8("minor version"),
        wantsReply: (reader.u8("flags") & 1) !== 0,
        capabilities: reader.u32("capabilities"),
        incarnation: reader.u32("incarnation"),
        name: readText(reader, MAX_NAME_BYTES, "name"),
        build: readText(reader, MAX_BUILD_BYTES, "build"),
      };
    case PING:
      return { type: "ping", stamp: reader.u32("stamp") };
    case PONG:
      return {
        type: "pong",
        stamp: reader.u32("stamp"),
        ...(reader.remaining >= REPORT_LENGTH && {
          report: {
            expected: reader.u32("expected"),
            received: reader.u32("received"),
            largest: reader.u16("largest"),
          },
        }),
      };
    case CLOSE:
      return { type: "close", reason: CLOSE_REASONS[reader.u8("reason")] ?? "unknown" };
    case OBSERVED: {
      const port = reader.u16("port");
      return {
        type: "observed",
        port,
        address: reader.address(addressLength(reader.u8("family")), "address"),
      };
    }
    default:
      return decodeDiscovery(type, reader) ?? decodeStateMessage(type, reader);
  }
}

/** One message with its header. Throws EncodeError where it does not fit in MAX_CONTROL. */
export function encodeControl(message: ControlMessage): Uint8Array {
  const writer = new Writer(MAX_CONTROL);
  writer.u8(typeNumber(message), "type").zeros(1, "reserved").u16(0, "length");
  encodeBody(message, writer);
  return writer.patch16(2, writer.offset - CONTROL_HEADER_LENGTH, "length").done();
}

/**
 * A ping in a datagram of exactly `datagram` bytes, of which FRAME_OVERHEAD are the frame's: zeros behind the stamp,
 * which nobody reads. Throws EncodeError for sizes that none can have.
 */
export function encodeProbe(stamp: number, datagram: number): Uint8Array {
  const length = datagram - FRAME_OVERHEAD;
  const writer = new Writer(MAX_UNFRAGMENTED);
  writer
    .u8(PING, "type")
    .zeros(1, "reserved")
    .u16(length - CONTROL_HEADER_LENGTH, "length");
  return writer
    .u32(stamp, "stamp")
    .zeros(length - writer.offset, "padding")
    .done();
}

function encodeBody(message: ControlMessage, writer: Writer): void {
  switch (message.type) {
    case "hello":
      writer.u8(message.minor, "minor version").u8(message.wantsReply ? 1 : 0, "flags");
      writer.u32(message.capabilities, "capabilities").u32(message.incarnation, "incarnation");
      writeText(writer, message.name, MAX_NAME_BYTES, "name");
      writeText(writer, message.build, MAX_BUILD_BYTES, "build");
      break;
    case "ping":
      writer.u32(message.stamp, "stamp");
      break;
    case "pong":
      writer.u32(message.stamp, "stamp");
      if (message.report) {
        const { expected, received, largest } = message.report;
        writer.u32(expected, "expected").u32(received, "received").u16(largest, "largest");
      }
      break;
    case "close":
      writer.u8(CLOSE_REASONS.indexOf(message.reason), "reason");
      break;
    case "observed": {
      const number = family(message.address);
      writer.u16(message.port, "port").u8(number, "family");
      writer.address(message.address, number === 4 ? 4 : 16, "address");
      break;
    }
    default:
      if (isDiscovery(message)) encodeDiscovery(message, writer);
      else encodeStateBody(message, writer);
  }
}

function typeNumber(message: ControlMessage): number {
  switch (message.type) {
    case "hello":
      return HELLO;
    case "ping":
      return PING;
    case "pong":
      return PONG;
    case "close":
      return CLOSE;
    case "observed":
      return OBSERVED;
    default:
      return isDiscovery(message) ? DISCOVERY_TYPES[message.type] : STATE_TYPES[message.type];
  }
}

function addressLength(number: number): 4 | 16 {
  if (number === 4) return 4;
  if (number === 6) return 16;
  throw new DecodeError("family", number, "4 or 6");
}
