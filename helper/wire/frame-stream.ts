// Frames in a byte stream: each behind its length, u16. The fast path has its own way of reading them; this is for
// streams that pass through a thread that has other things to do.
import { DecodeError } from "./cursor.ts";
import { MAX_STREAM_FRAME } from "./frame.ts";
import { LengthPrefixedReader } from "./length-prefixed.ts";

const FIELD = "frame length";

/** Cuts a stream into frames. Throws DecodeError: read no more then. */
export class FrameReader {
  readonly #reader = new LengthPrefixedReader(FIELD, MAX_STREAM_FRAME);
  readonly #frame: (frame: Uint8Array) => void;

  /** `frame` is handed a copy. */
  constructor(frame: (frame: Uint8Array) => void) {
    this.#frame = (bytes) => {
      if (bytes.length === 0) throw new DecodeError(FIELD, 0, MAX_STREAM_FRAME);
      frame(bytes);
    };
  }

  push(chunk: Uint8Array): void {
    this.#reader.push(chunk, this.#frame);
  }
}
