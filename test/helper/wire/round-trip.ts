import { expect } from "vitest";

/** Every codec keeps this: what was encoded decodes to the same value, and that encodes to the same bytes. */
export function expectRoundTrip<T>(
  value: T,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): void {
  const bytes = encode(value);
  const decoded = decode(bytes);
  expect(decoded).toEqual(value);
  expect(Buffer.from(encode(decoded)).toString("hex")).toBe(Buffer.from(bytes).toString("hex"));
}

/** Hex with blanks for the reader's eye. The bytes sit amid others, so that an offset that is forgotten shows. */
export function fromHex(text: string): Uint8Array {
  const bytes = Buffer.from(text.replace(/\s/g, ""), "hex");
  const amid = new Uint8Array(bytes.length + 16).fill(0xa5);
  amid.set(bytes, 8);
  return amid.subarray(8, 8 + bytes.length);
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** A copy with these bytes, given by offset, replaced. */
export function corrupted(bytes: Uint8Array, changes: Readonly<Record<number, number>>): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (const [offset, value] of Object.entries(changes)) copy[Number(offset)] = value;
  return copy;
}
