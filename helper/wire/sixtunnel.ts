// The stream of the stateful IPv6 tunnel: one JSON object from each end, then IPv6 packets back to back. Nothing frames
// them but the lengths in their own headers.
import { DecodeError, EncodeError } from "./cursor.ts";

/** The original reads no more at once, and takes what it reads for one packet. */
export const MAX_PACKET = 4_096;
/** Bytes of a greeting; those of the original have 26 to 60. */
export const MAX_GREETING = 256;

const HEADER = 40;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

export interface StreamHandlers {
  /** The JSON text of the far end's greeting; once. */
  readonly greeting: (text: string) => void;
  /** A copy of a whole IPv6 packet. */
  readonly packet: (bytes: Uint8Array) => void;
}

/** Cuts the stream, wherever TCP has cut it. Holds one greeting and one packet at most. */
export class SixStreamReader {
  /** Packets longer than MAX_PACKET, passed over: the stream behind them is still in step. */
  tooLong = 0;
  readonly #handlers: StreamHandlers;
  readonly #held = new Uint8Array(MAX_PACKET);
  #filled = 0;
  #greeted = false;
  #skip = 0;

  constructor(handlers: StreamHandlers) {
    this.#handlers = handlers;
  }

  /**
   * Throws DecodeError where the stream is none of this tunnel's: no object at its start, a greeting without an end,
   * a version other than 6. Read no more then.
   */
  push(chunk: Uint8Array): void {
    let at = this.#greeted ? 0 : this.#greeting(chunk);
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, chunk.length - at);
        this.#skip -= passed;
        at += passed;
        continue;
      }
      const wanted = this.#filled < HEADER ? HEADER : this.#length();
      const part = chunk.subarray(at, at + wanted - this.#filled);
      this.#held.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      const version = this.#held[0]! >> 4;
      if (version !== 6) throw new DecodeError("IP version", version, 6);
      if (this.#filled < HEADER) return;
      const length = this.#length();
      if (length > MAX_PACKET) {
        this.tooLong++;
        this.#skip = length - this.#filled;
        this.#filled = 0;
      } else if (this.#filled === length) {
        this.#filled = 0;
        this.#handlers.packet(this.#held.slice(0, length));
      }
    }
  }

  /** Where the packets begin in `chunk`. */
  #greeting(chunk: Uint8Array): number {
    const end = chunk.indexOf(BRACE_CLOSE) + 1; // neither greeting has an object in it
    const part = end > 0 ? chunk.subarray(0, end) : chunk;
    const length = this.#filled + part.length;
    if (length > MAX_GREETING) throw new DecodeError("greeting's length", length, MAX_GREETING);
    this.#held.set(part, this.#filled);
    this.#filled = length;
    if (length > 0 && this.#held[0] !== BRACE_OPEN)
      throw new DecodeError("greeting's first byte", this.#held[0]!, BRACE_OPEN);
    if (end === 0) return chunk.length;
    const text = String.fromCharCode(...this.#held.subarray(0, length));
    this.#greeted = true;
    this.#filled = 0;
    this.#handlers.greeting(text);
    return end;
  }

  #length(): number {
    return HEADER + ((this.#held[4]! << 8) | this.#held[5]!);
  }
}

/** The client's greeting, byte for byte as the original writes it. `id`: six bytes as a MAC address is written. */
export function encodeHello(id: string): Uint8Array {
  return ascii(`{"Id":"${id}"}`);
}

/** The server's answer. `prefix`: a /64 in text. */
export function encodeWelcome(prefix: string): Uint8Array {
  return ascii(`{"Prefix":"${prefix}"}`);
}

function ascii(text: string): Uint8Array {
  if (text.length > MAX_GREETING) throw new EncodeError("greeting's length", text.length, MAX_GREETING);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
