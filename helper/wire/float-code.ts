import { EncodeError, inRange } from "#wire/cursor.ts";

// The floating-point codes of RFC 9776 sections 4.1.1 and 4.1.7 (8 bits) and RFC 9777 sections 5.1.3 and 5.1.9
// (16 and 8 bits): below a threshold the value itself, above it 1, three bits of exponent, and a mantissa
// whose highest bit is not written.

export interface FloatCode {
  readonly name: string;
  readonly mantissaBits: 4 | 12;
}

export const MAX_RESP_CODE_IGMP: FloatCode = { name: "Max Resp Code", mantissaBits: 4 }; // 1/10 s
export const MAX_RESP_CODE_MLD: FloatCode = { name: "Maximum Response Code", mantissaBits: 12 }; // ms
export const QQIC: FloatCode = { name: "QQIC", mantissaBits: 4 }; // s

/** The largest value that the code can say. */
export function floatCodeLimit({ mantissaBits }: FloatCode): number {
  return ((2 << mantissaBits) - 1) << 10;
}

export function decodeFloatCode({ mantissaBits }: FloatCode, code: number): number {
  if (code < 8 << mantissaBits) return code;
  const exponent = (code >> mantissaBits) & 7;
  const mantissa = (1 << mantissaBits) | (code & ((1 << mantissaBits) - 1));
  return mantissa << (exponent + 3);
}

/**
 * The code of the largest value that is not above `value`: a shorter time than was meant makes listeners answer
 * early, a longer one would make us miss them. Throws EncodeError above `floatCodeLimit`.
 */
export function encodeFloatCode(format: FloatCode, value: number): number {
  const { name, mantissaBits } = format;
  if (inRange(value, floatCodeLimit(format), name) < 8 << mantissaBits) return value;
  for (let exponent = 0; exponent < 8; exponent++) {
    const mantissa = value >> (exponent + 3);
    if (mantissa < 2 << mantissaBits)
      return (8 << mantissaBits) | (exponent << mantissaBits) | (mantissa & ((1 << mantissaBits) - 1));
  }
  throw new EncodeError(name, value, floatCodeLimit(format));
}
