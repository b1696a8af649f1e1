import { DecodeError } from "./cursor.ts";

const HEADER = 2;

/** Cuts a byte stream into what stands behind a u16 length each, wherever TCP has cut it. Holds one unfinished one at most. */
export class LengthPrefixedReader {
  readonly #field: string;
  readonly #most: number;
  readonly #held: Uint8Array;
  #filled = 0;

  /** `most`: bytes of one; `field`: what a length beyond that is called in its error. */
  constructor(field: string, most: number) {
    this.#field = field;
    this.#most = most;
    this.#held = new Uint8Array(HEADER + most);
  }

  /** `found` is handed a copy, which may be of no bytes. Throws DecodeError, or what `found` throws: read no more then. */
  push(chunk: Uint8Array, found: (bytes: Uint8Array) => void): void {
    for (let at = 0; at < chunk.length;) {
      const wanted = this.#filled < HEADER ? HEADER : HEADER + this.#length();
      const part = chunk.subarray(at, at + wanted - this.#filled);
      this.#held.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < wanted) return;
      const length = this.#length();
      if (length > this.#most) throw new DecodeError(this.#field, length, this.#most);
      if (this.#filled < HEADER + length) continue; // the length alone is there
      this.#filled = 0;
      found(this.#held.slice(HEADER, HEADER + length));
    }
  }

  #length(): number {
    return (this.#held[0]! << 8) | this.#held[1]!;
  }
}
