/** A line that comes byte by byte must not cost an object a byte. */
const MAX_PARTS = 256;

/**
 * Cuts a byte stream into lines. Bounded: it holds at most `maxBytes` of an unfinished line; one that grows
 * longer breaks the stream for good, because where the next begins is no longer sure.
 */
export class LineReader {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #held = 0;
  #broken = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A line was too long: read no more. */
  get broken(): boolean {
    return this.#broken;
  }

  /** The lines that this piece completes, without their line feeds. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    while (!this.#broken && start < chunk.length) {
      const end = chunk.indexOf(0x0a, start);
      const part = chunk.subarray(start, end < 0 ? chunk.length : end);
      if (this.#held + part.length > this.#maxBytes) {
        this.#broken = true;
        this.#parts = [];
        break;
      }
      // A copy where it is kept: the caller's buffer may be a slice of a much larger one.
      this.#parts.push(end < 0 ? part.slice() : part);
      this.#held += part.length;
      if (end < 0) {
        if (this.#parts.length >= MAX_PARTS) this.#parts = [Buffer.concat(this.#parts, this.#held)];
        break;
      }
      lines.push(Buffer.concat(this.#parts, this.#held).toString("utf8"));
      this.#parts = [];
      this.#held = 0;
      start = end + 1;
    }
    return lines;
  }
}
