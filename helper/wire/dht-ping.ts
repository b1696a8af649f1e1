// The one message of the public DHT that the daemon itself sends: a ping, to which a node answers with the address
// that it saw. dht-rpc 6 has no specification but its source (lib/io.js, index.js); integers are little-endian.
//
//   request:  0x03 | flags 4 (a command of the DHT itself) | tid u16 | to [4] port u16 | command 0
//   response: 0x13 | flags 0 or 1 | tid u16 | to [4] port u16 | id [32], where flags say so
import { addressBytes, addressText, type Address } from "./address.ts";
import { DecodeError, EncodeError } from "./cursor.ts";

const REQUEST = 0x03;
/** The first byte of every answer of a DHT node: none of our own frames' types. */
export const DHT_RESPONSE = 0x13;
const FLAG_ID = 1;
const FLAG_INTERNAL = 4;
const COMMAND_PING = 0;
const PING_LENGTH = 11;
const RESPONSE_LENGTH = 10;
const ID_LENGTH = 32;

export interface DhtPing {
  readonly tid: number;
  /** The node that is asked: IPv4, which is all that this DHT speaks. */
  readonly address: Address;
  readonly port: number;
}

export interface DhtPong {
  readonly tid: number;
  /** Where the node saw the ping come from. */
  readonly address: Address;
  readonly port: number;
}

export function encodeDhtPing({ tid, address, port }: DhtPing): Uint8Array {
  const to = addressBytes(address);
  if (to.length !== 4) throw new EncodeError("address", address, "an IPv4 address");
  if (tid < 0 || tid > 0xffff) throw new EncodeError("tid", tid, 0xffff);
  if (port < 1 || port > 0xffff) throw new EncodeError("port", port, 0xffff);
  const bytes = new Uint8Array(PING_LENGTH);
  const view = new DataView(bytes.buffer);
  bytes[0] = REQUEST;
  bytes[1] = FLAG_INTERNAL;
  view.setUint16(2, tid, true);
  bytes.set(to, 4);
  view.setUint16(8, port, true);
  bytes[10] = COMMAND_PING;
  return bytes;
}

/** Throws DecodeError for anything but the plain answer to a ping. */
export function decodeDhtPong(bytes: Uint8Array): DhtPong {
  if (bytes[0] !== DHT_RESPONSE) throw new DecodeError("type", bytes[0] ?? -1, DHT_RESPONSE);
  const flags = bytes[1] ?? -1;
  if (flags !== 0 && flags !== FLAG_ID) throw new DecodeError("flags", flags, FLAG_ID);
  const length = RESPONSE_LENGTH + (flags & FLAG_ID ? ID_LENGTH : 0);
  if (bytes.length !== length) throw new DecodeError("length", bytes.length, length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const port = view.getUint16(8, true);
  if (port === 0) throw new DecodeError("port", 0, "1 to 65535");
  return { tid: view.getUint16(2, true), address: addressText(bytes.subarray(4, 8)), port };
}
