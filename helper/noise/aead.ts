import { createCipheriv, createDecipheriv } from "node:crypto";
import { NoiseError } from "./noise-error.ts";

export const TAG_LENGTH = 16;
export const KEY_LENGTH = 32;

/** ChaCha20-Poly1305 (RFC 8439): ciphertext, then tag. `nonce` is 12 bytes, `key` 32. */
export function seal(
  key: Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG_LENGTH });
  cipher.setAAD(associated, { plaintextLength: plaintext.length });
  const out = new Uint8Array(plaintext.length + TAG_LENGTH);
  out.set(cipher.update(plaintext));
  cipher.final();
  out.set(cipher.getAuthTag(), plaintext.length);
  return out;
}

/** The plaintext. Throws NoiseError "length" or "authentication". */
export function open(
  key: Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array,
  sealed: Uint8Array,
): Uint8Array {
  if (sealed.length < TAG_LENGTH) throw new NoiseError("length");
  const length = sealed.length - TAG_LENGTH;
  const decipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG_LENGTH });
  decipher.setAAD(associated, { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(length));
  const plaintext = new Uint8Array(decipher.update(sealed.subarray(0, length)));
  try {
    decipher.final();
  } catch {
    throw new NoiseError("authentication");
  }
  return plaintext;
}
