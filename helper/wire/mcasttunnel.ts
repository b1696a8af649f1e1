// mcasttunnel's stream: each UDP payload behind its length, u16. Neither source nor group is said; both ends were told
// the group, its port and the TTL.
import { EncodeError } from "./cursor.ts";
import { LengthPrefixedReader } from "./length-prefixed.ts";

/** The original reads no more of a datagram, and takes a longer frame for a broken stream. */
export const MAX_TUNNELLED = 2_048;

const HEADER = 2;
const FIELD = "mcasttunnel length";

/** `payload`: 1 to 2,048 bytes. A length of zero would end the original's session. Throws EncodeError. */
export function encodeTunnelled(payload: Uint8Array): Uint8Array {
  const { length } = payload;
  if (length === 0 || length > MAX_TUNNELLED) throw new EncodeError(FIELD, length, MAX_TUNNELLED);
  const frame = new Uint8Array(HEADER + length);
  frame[0] = length >> 8;
  frame[1] = length & 0xff;
  frame.set(payload, HEADER);
  return frame;
}

/** Cuts a stream into payloads. */
export class TunnelledReader {
  /** Frames of no bytes, passed over: the stream behind them is still in step. */
  empty = 0;
  readonly #reader = new LengthPrefixedReader(FIELD, MAX_TUNNELLED);

  /** `payload` is handed a copy. Throws DecodeError where a length is too great: read no more then. */
  push(chunk: Uint8Array, payload: (bytes: Uint8Array) => void): void {
    this.#reader.push(chunk, (bytes) => {
      if (bytes.length > 0) payload(bytes);
      else this.empty++;
    });
  }
}
