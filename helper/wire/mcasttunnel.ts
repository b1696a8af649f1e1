// mcasttunnel's stream: each UDP payload behind its length, u16. Neither source nor group is said; both ends were told
// the group, its port and the TTL.
import { DecodeError, EncodeError } from "./cursor.ts";

/** The original reads no more of a datagram, and takes a longer frame for a broken stream. */
export const MAX_TUNNELLED = 2_048;

const HEADER = 2;

/** `payload`: 1 to 2,048 bytes. A length of zero would end the original's session. Throws EncodeError. */
export function encodeTunnelled(payload: Uint8Array): Uint8Array {
  const { length } = payload;
  if (length === 0 || length > MAX_TUNNELLED)
    throw new EncodeError("mcasttunnel length", length, MAX_TUNNELLED);
  const frame = new Uint8Array(HEADER + length);
  frame[0] = length >> 8;
  frame[1] = length & 0xff;
  frame.set(payload, HEADER);
  return frame;
}

/** Cuts a stream into payloads, wherever TCP has cut it. Holds one unfinished frame at most. */
export class TunnelledReader {
  /** Frames of no bytes, passed over: the stream behind them is still in step. */
  empty = 0;
  readonly #held = new Uint8Array(HEADER + MAX_TUNNELLED);
  #filled = 0;

  /** `payload` is handed a copy. Throws DecodeError where a length is too great: read no more then. */
  push(chunk: Uint8Array, payload: (bytes: Uint8Array) => void): void {
    for (let at = 0; at < chunk.length;) {
      const wanted = this.#filled < HEADER ? HEADER : HEADER + this.#length();
      const part = chunk.subarray(at, at + wanted - this.#filled);
      this.#held.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < wanted) return;
      if (wanted > HEADER) {
        this.#filled = 0;
        payload(this.#held.slice(HEADER, wanted));
        continue;
      }
      const length = this.#length();
      if (length > MAX_TUNNELLED) throw new DecodeError("mcasttunnel length", length, MAX_TUNNELLED);
      if (length > 0) continue;
      this.empty++;
      this.#filled = 0;
    }
  }

  #length(): number {
    return (this.#held[0]! << 8) | this.#held[1]!;
  }
}
