// Frames in a byte stream: each behind its length, u16. The fast path has its own way of reading them; this is for
// streams that pass through a thread that has other things to do.
import { DecodeError } from "./cursor.ts";
import { MAX_STREAM_FRAME } from "./frame.ts";

const HEADER = 2;

/** Cuts a stream into frames. Holds one unfinished frame at most. Throws DecodeError: read no more then. */
export class FrameReader {
  readonly #frame: (frame: Uint8Array) => void;
  readonly #held = new Uint8Array(HEADER + MAX_STREAM_FRAME);
  #filled = 0;

  /** `frame` is handed a copy. */
  constructor(frame: (frame: Uint8Array) => void) {
    this.#frame = frame;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const wanted = this.#filled < HEADER ? HEADER : HEADER + this.#length();
      const part = chunk.subarray(at, at + wanted - this.#filled);
      this.#held.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < wanted) return;
      if (wanted > HEADER) {
        this.#filled = 0;
        this.#frame(this.#held.slice(HEADER, wanted));
        continue;
      }
      const length = this.#length();
      if (length === 0 || length > MAX_STREAM_FRAME)
        throw new DecodeError("frame length", length, MAX_STREAM_FRAME);
    }
  }

  #length(): number {
    return (this.#held[0]! << 8) | this.#held[1]!;
  }
}
