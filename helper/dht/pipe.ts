// The pipe between the daemon and the process that speaks with the DHT, byte for byte:
//
//   length u16 (of what follows, 1 to 16,384) | kind u8 | body
//
// kind 0: a message, JSON (messages.ts). kind 1: a relayed frame: call u16 | frame (1 to 2,048 bytes).
import { DecodeError, EncodeError } from "#wire/cursor.ts";
import { MAX_STREAM_FRAME } from "#wire/frame.ts";

export const MAX_ITEM = 16_384;
const HEADER = 2;
const KIND_MESSAGE = 0;
const KIND_FRAME = 1;

export type PipeItem =
  | { readonly kind: "message"; readonly text: string }
  | { readonly kind: "frame"; readonly call: number; readonly frame: Uint8Array };

export function encodeMessage(message: object): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(message));
  return item(KIND_MESSAGE, body);
}

export function encodeFrame(call: number, frame: Uint8Array): Uint8Array {
  if (frame.length === 0 || frame.length > MAX_STREAM_FRAME)
    throw new EncodeError("frame length", frame.length, MAX_STREAM_FRAME);
  if (call < 0 || call > 0xffff) throw new EncodeError("call", call, 0xffff);
  const body = new Uint8Array(2 + frame.length);
  body[0] = call >> 8;
  body[1] = call & 0xff;
  body.set(frame, 2);
  return item(KIND_FRAME, body);
}

function item(kind: number, body: Uint8Array): Uint8Array {
  const length = body.length + 1;
  if (length > MAX_ITEM) throw new EncodeError("pipe item", length, MAX_ITEM);
  const bytes = new Uint8Array(HEADER + length);
  bytes[0] = length >> 8;
  bytes[1] = length & 0xff;
  bytes[2] = kind;
  bytes.set(body, 3);
  return bytes;
}

/** Cuts the byte stream into items. Holds one unfinished item at most. Throws DecodeError: read no more then. */
export class PipeReader {
  #held = new Uint8Array(HEADER + MAX_ITEM);
  #filled = 0;

  push(chunk: Uint8Array): PipeItem[] {
    const items: PipeItem[] = [];
    for (let at = 0; at < chunk.length;) {
      const wanted = this.#filled < HEADER ? HEADER : HEADER + this.#length();
      const part = chunk.subarray(at, at + wanted - this.#filled);
      this.#held.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < wanted) break;
      if (wanted === HEADER) {
        const length = this.#length();
        if (length === 0 || length > MAX_ITEM) throw new DecodeError("pipe item", length, MAX_ITEM);
        continue;
      }
      items.push(decodeItem(this.#held.subarray(HEADER, wanted)));
      this.#filled = 0;
    }
    return items;
  }

  #length(): number {
    return (this.#held[0]! << 8) | this.#held[1]!;
  }
}

function decodeItem(bytes: Uint8Array): PipeItem {
  const body = bytes.subarray(1);
  switch (bytes[0]) {
    case KIND_MESSAGE:
      return { kind: "message", text: new TextDecoder().decode(body) };
    case KIND_FRAME:
      if (body.length < 3 || body.length > 2 + MAX_STREAM_FRAME)
        throw new DecodeError("frame length", body.length - 2, MAX_STREAM_FRAME);
      return { kind: "frame", call: (body[0]! << 8) | body[1]!, frame: body.slice(2) };
    default:
      throw new DecodeError("pipe item kind", bytes[0] ?? -1, KIND_FRAME);
  }
}
