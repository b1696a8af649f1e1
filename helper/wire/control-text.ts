import { DecodeError, EncodeError } from "./cursor.ts";
import type { Reader, Writer } from "./cursor.ts";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true });

/** A length byte, then UTF-8. Throws DecodeError where it is longer than `limit` bytes or no UTF-8. */
export function readText(reader: Reader, limit: number, field: string): string {
  const length = reader.u8(field);
  if (length > limit) throw new DecodeError(field, length, limit);
  try {
    return DECODER.decode(reader.take(length, field));
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    throw new DecodeError(field, "bytes", "UTF-8");
  }
}

/** Throws EncodeError where it is longer than `limit` bytes. */
export function writeText(writer: Writer, text: string, limit: number, field: string): void {
  const bytes = ENCODER.encode(text);
  if (bytes.length > limit) throw new EncodeError(field, bytes.length, limit);
  writer.u8(bytes.length, field).bytes(bytes, field);
}
