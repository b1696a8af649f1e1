import { KEY_LENGTH } from "./aead.ts";
import { CipherState } from "./cipher-state.ts";
import { blake2s256, HASHLEN, hmac } from "./hash.ts";

/** HKDF of Noise section 4.3: two or three outputs of 32 bytes. */
export function hkdf(chainingKey: Uint8Array, input: Uint8Array, outputs: 2 | 3): Uint8Array[] {
  const temp = hmac(chainingKey, input);
  const result: Uint8Array[] = [];
  let previous = new Uint8Array(0);
  for (let i = 1; i <= outputs; i++) {
    previous = new Uint8Array(hmac(temp, previous, Uint8Array.of(i)));
    result.push(previous);
  }
  return result;
}

/** Noise section 5.2. */
export class SymmetricState {
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #cipher = new CipherState(undefined);

  constructor(protocolName: string) {
    const name = new TextEncoder().encode(protocolName);
    if (name.length <= HASHLEN) {
      this.#hash = new Uint8Array(HASHLEN);
      this.#hash.set(name);
    } else this.#hash = blake2s256(name);
    this.#chainingKey = this.#hash;
  }

  get handshakeHash(): Uint8Array {
    return this.#hash;
  }

  hasKey(): boolean {
    return this.#cipher.hasKey();
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.#chainingKey, input, 2);
    this.#chainingKey = chainingKey!;
    this.#cipher = new CipherState(key);
  }

  mixHash(data: Uint8Array): void {
    this.#hash = blake2s256(this.#hash, data);
  }

  mixKeyAndHash(input: Uint8Array): void {
    const [chainingKey, hash, key] = hkdf(this.#chainingKey, input, 3);
    this.#chainingKey = chainingKey!;
    this.mixHash(hash!);
    this.#cipher = new CipherState(key);
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#cipher.encryptWithAd(this.#hash, plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** Throws NoiseError. */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array {
    const plaintext = this.#cipher.decryptWithAd(this.#hash, ciphertext);
    this.mixHash(ciphertext);
    return plaintext;
  }

  /** The two transport keys, the initiator's sending key first. */
  split(): readonly [Uint8Array, Uint8Array] {
    const [first, second] = hkdf(this.#chainingKey, new Uint8Array(0), 2);
    return [first!.subarray(0, KEY_LENGTH), second!.subarray(0, KEY_LENGTH)];
  }
}
