// Frames of one burst to streams: what goes to one of them stands in one piece and leaves by one write.
import { STREAM_LENGTH_BYTES } from "#wire/frame.ts";
import type { Arena } from "./arena.ts";
import type { Stream } from "./stream.ts";

const ROOM = 256 * 1024;
const MAX_FRAMES = 1024;
const MAX_RUNS = 256;

export class StreamSender {
  readonly #arena: Arena;
  readonly #room: number;
  readonly #streams: (Stream | undefined)[] = Array.from({ length: MAX_RUNS });
  readonly #start = new Int32Array(MAX_RUNS);
  readonly #first = new Int32Array(MAX_RUNS);
  readonly #bytes = new Int32Array(MAX_RUNS);
  readonly #lengths = new Int32Array(MAX_FRAMES);
  readonly #control = new Uint8Array(MAX_FRAMES);
  #runs = 0;
  #frames = 0;
  #cursor: number;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#room = arena.reserve(ROOM);
    this.#cursor = this.#room;
  }

  /** Where to write a frame of exactly `length` bytes. `control`: not to be dropped before data. */
  reserve(stream: Stream, row: number, length: number, control: boolean, now: number): number {
    const bytes = STREAM_LENGTH_BYTES + length;
    if (this.#cursor + bytes > this.#room + ROOM || this.#frames === MAX_FRAMES) this.flush(now);
    let run = this.#runs - 1;
    if (run < 0 || this.#streams[run] !== stream) {
      if (this.#runs === MAX_RUNS) this.flush(now);
      run = this.#runs++;
      this.#streams[run] = stream;
      this.#start[run] = this.#cursor;
      this.#first[run] = this.#frames;
      this.#bytes[run] = 0;
    }
    stream.row = row;
    this.#lengths[this.#frames] = bytes;
    this.#control[this.#frames++] = control ? 1 : 0;
    this.#bytes[run] = this.#bytes[run]! + bytes;
    const at = this.#cursor;
    this.#cursor += bytes;
    this.#arena.dv.setUint16(at, length);
    return at + STREAM_LENGTH_BYTES;
  }

  flush(now: number): void {
    for (let run = 0; run < this.#runs; run++) {
      const [at, bytes, first] = [this.#start[run]!, this.#bytes[run]!, this.#first[run]!];
      this.#streams[run]!.write(at, bytes, this.#lengths, this.#control, first, now);
      this.#streams[run] = undefined;
    }
    this.#runs = 0;
    this.#frames = 0;
    this.#cursor = this.#room;
  }
}
