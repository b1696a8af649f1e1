import { addressBytes, addressText, type Address } from "#wire/address.ts";

/** Input that is no valid message: what was read, what it held, and what it may hold. The peer's fault. */
export class DecodeError extends Error {
  override name = "DecodeError";
  readonly field: string;
  readonly value: number | string;
  readonly limit: number | string;

  constructor(field: string, value: number | string, limit: number | string) {
    super(`${field}: ${value}, where the limit is ${limit}`);
    this.field = field;
    this.value = value;
    this.limit = limit;
  }
}

/** A checksum that does not match: counted apart, because it tells of a broken path and not of a bad peer. */
export class ChecksumError extends DecodeError {
  override name = "ChecksumError";
}

/** A value of ours that its field cannot hold. Our own fault. */
export class EncodeError extends RangeError {
  override name = "EncodeError";

  constructor(field: string, value: number | bigint | string, limit: number | bigint | string) {
    super(`${field}: ${value}, where the limit is ${limit}`);
  }
}

/** Reads big-endian fields in order. Reading past the end throws DecodeError; nothing is clamped. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#advance(1, field));
  }

  u16(field: string): number {
    return this.#view.getUint16(this.#advance(2, field));
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#advance(4, field));
  }

  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#advance(8, field));
  }

  /** A view of the next `length` bytes, not a copy. */
  take(length: number, field: string): Uint8Array {
    const start = this.#advance(length, field);
    return this.#bytes.subarray(start, start + length);
  }

  skip(length: number, field: string): void {
    this.#advance(length, field);
  }

  address(length: 4 | 16, field: string): Address {
    return addressText(this.take(length, field));
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.take(this.remaining, "rest");
  }

  /** Throws where bytes are left that the format has no field for. */
  end(field: string): void {
    if (this.remaining > 0) throw new DecodeError(`${field}: bytes behind the end`, this.remaining, 0);
  }

  #advance(length: number, field: string): number {
    if (length < 0 || length > this.remaining) throw new DecodeError(field, length, this.remaining);
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

/** Writes big-endian fields in order into a buffer of fixed size. A value or a position out of range throws. */
export class Writer {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get offset(): number {
    return this.#offset;
  }

  u8(value: number, field: string): this {
    this.#view.setUint8(this.#advance(1, field), inRange(value, 0xff, field));
    return this;
  }

  u16(value: number, field: string): this {
    this.#view.setUint16(this.#advance(2, field), inRange(value, 0xffff, field));
    return this;
  }

  u32(value: number, field: string): this {
    this.#view.setUint32(this.#advance(4, field), inRange(value, 0xffff_ffff, field));
    return this;
  }

  u64(value: bigint, field: string): this {
    const limit = 0xffff_ffff_ffff_ffffn;
    if (value < 0n || value > limit) throw new EncodeError(field, value, limit);
    this.#view.setBigUint64(this.#advance(8, field), value);
    return this;
  }

  bytes(value: Uint8Array, field: string): this {
    this.#bytes.set(value, this.#advance(value.length, field));
    return this;
  }

  address(value: Address, length: 4 | 16, field: string): this {
    const bytes = addressBytes(value);
    if (bytes.length !== length) throw new EncodeError(field, value, `an address of ${length} bytes`);
    return this.bytes(bytes, field);
  }

  zeros(length: number, field: string): this {
    this.#advance(length, field); // the buffer starts as zeros and no byte is written twice but by patch16
    return this;
  }

  /** Overwrites two bytes written before: for checksums and lengths that are known at the end alone. */
  patch16(offset: number, value: number, field: string): this {
    if (offset < 0 || offset + 2 > this.#offset) throw new EncodeError(field, offset, this.#offset - 2);
    this.#view.setUint16(offset, inRange(value, 0xffff, field));
    return this;
  }

  /** A view of what was written. */
  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#offset);
  }

  #advance(length: number, field: string): number {
    const remaining = this.#bytes.length - this.#offset;
    if (length < 0 || length > remaining) throw new EncodeError(field, length, remaining);
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

/** The value itself, where it is a whole number from 0 to `limit`. Throws EncodeError. */
export function inRange(value: number, limit: number, field: string): number {
  if (!Number.isInteger(value) || value < 0 || value > limit) throw new EncodeError(field, value, limit);
  return value;
}
