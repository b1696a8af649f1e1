import { createHash, createHmac } from "node:crypto";

/** HASHLEN of BLAKE2s (Noise section 12.6). */
export const HASHLEN = 32;

/** BLAKE2s (RFC 7693), 32 bytes, over the parts as if they were one message. */
export function blake2s256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("blake2s256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** HMAC-BLAKE2s (RFC 2104, block length 64), 32 bytes. */
export function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac("blake2s256", key);
  for (const part of parts) mac.update(part);
  return new Uint8Array(mac.digest());
}
