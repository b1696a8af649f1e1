// Frames of a call over its encrypted stream: each with a u16 length in front, several in one write.
import type HyperDHT from "hyperdht";
import { DecodeError } from "#wire/cursor.ts";
import { FrameReader } from "#wire/frame-stream.ts";

/** Frames that wait while the stream is full: live video is of use now or never, so the oldest goes first. */
const MAX_WAITING = 512;
const MAX_WAITING_BYTES = 512 * 1024;
/** One write of the stream. */
const MAX_WRITE = 16 * 1024;
/** Nothing heard for so long, with a keep-alive each 5 s: the far end is gone. */
const SILENCE_MS = 20_000;

export class FrameLane {
  readonly #stream: HyperDHT.SecretStream;
  readonly #reader: FrameReader;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #full = false;
  #scheduled = false;
  /** Frames thrown away because the stream did not keep up. */
  dropped = 0;

  constructor(stream: HyperDHT.SecretStream, frame: (frame: Uint8Array) => void) {
    this.#stream = stream;
    this.#reader = new FrameReader(frame);
    stream.setTimeout(SILENCE_MS);
    stream.on("data", (data: Buffer) => this.#received(data));
    stream.on("drain", () => {
      this.#full = false;
      this.#flush();
    });
  }

  send(frame: Uint8Array): void {
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    while (this.#waiting.length > MAX_WAITING || this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#waitingBytes -= this.#waiting.shift()!.length;
      this.dropped++;
    }
    if (this.#full || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#waiting.length > 0 && !this.#full && !this.#stream.destroyed) {
      const parts: Uint8Array[] = [];
      let size = 0;
      while (this.#waiting.length > 0 && size < MAX_WRITE) {
        const frame = this.#waiting.shift()!;
        parts.push(Uint8Array.of(frame.length >> 8, frame.length & 0xff), frame);
        size += frame.length + 2;
        this.#waitingBytes -= frame.length;
      }
      this.#full = !this.#stream.write(Buffer.concat(parts));
    }
  }

  #received(data: Buffer): void {
    try {
      this.#reader.push(data);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#stream.destroy(); // the far end is no Castaway
    }
  }
}
