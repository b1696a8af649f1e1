// Netlink attributes (linux/netlink.h): length u16 (header included), type u16, value, padding to 4 bytes.

export type Attribute = readonly [type: number, value: Uint8Array];
export type Attributes = ReadonlyMap<number, Buffer>;

export const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const HEADER = 4;

export class NetlinkFormatError extends Error {
  override name = "NetlinkFormatError";
}

export function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  return Buffer.concat(
    attributes.map(([type, value]) => {
      const out = Buffer.alloc((HEADER + value.length + 3) & ~3);
      out.writeUInt16LE(HEADER + value.length, 0);
      out.writeUInt16LE(type, 2);
      out.set(value, HEADER);
      return out;
    }),
  );
}

/** Of a type that stands twice, the last counts, as in the kernel. Throws NetlinkFormatError. */
export function decodeAttributes(bytes: Buffer): Attributes {
  const attributes = new Map<number, Buffer>();
  for (let at = 0; at + HEADER <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < HEADER || at + length > bytes.length)
      throw new NetlinkFormatError(`attribute of ${length} bytes at ${at} of ${bytes.length}`);
    attributes.set(bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK, bytes.subarray(at + HEADER, at + length));
    at += (length + 3) & ~3;
  }
  return attributes;
}

export function nested(type: number, attributes: readonly Attribute[]): Attribute {
  return [type | NLA_F_NESTED, encodeAttributes(attributes)];
}

export function u8(value: number): Buffer {
  return Buffer.of(value);
}

export function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value >>> 0);
  return out;
}

/** Text with the terminating zero. */
export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, "utf8");
}

export function readU32(attributes: Attributes, type: number): number | undefined {
  const value = attributes.get(type);
  return value && value.length >= 4 ? value.readUInt32LE() : undefined;
}

export function readText(attributes: Attributes, type: number): string | undefined {
  const value = attributes.get(type);
  if (!value) return undefined;
  const end = value.indexOf(0);
  return value.toString("utf8", 0, end < 0 ? value.length : end);
}
