import { open, seal } from "./aead.ts";
import { NoiseError } from "./noise-error.ts";

/** Noise section 5.1, for messages of the handshake and few after it. Data frames have their own counters. */
export class CipherState {
  #key: Uint8Array | undefined;
  #nonce = 0;

  /** `key`: 32 bytes, or undefined for the empty state, which passes plaintext through. */
  constructor(key: Uint8Array | undefined) {
    this.#key = key;
  }

  hasKey(): boolean {
    return this.#key !== undefined;
  }

  encryptWithAd(associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
    if (!this.#key) return plaintext;
    const sealed = seal(this.#key, this.#nonceBytes(), associated, plaintext);
    this.#nonce++;
    return sealed;
  }

  /** Throws NoiseError; the nonce does not advance then (section 5.1). */
  decryptWithAd(associated: Uint8Array, ciphertext: Uint8Array): Uint8Array {
    if (!this.#key) return ciphertext;
    const plaintext = open(this.#key, this.#nonceBytes(), associated, ciphertext);
    this.#nonce++;
    return plaintext;
  }

  /** Section 12.3: 32 zero bits, then the counter as little-endian 64 bits. */
  #nonceBytes(): Uint8Array {
    if (this.#nonce >= Number.MAX_SAFE_INTEGER) throw new NoiseError("length");
    const bytes = new Uint8Array(12);
    new DataView(bytes.buffer).setBigUint64(4, BigInt(this.#nonce), true);
    return bytes;
  }
}
