// The data cipher by OpenSSL's EVP: a context is kept per key and direction, and only the nonce changes per frame.
import type { DataCipher } from "#ports/fast-path.ts";
import { EVP_CTRL_AEAD_GET_TAG, EVP_CTRL_AEAD_SET_TAG, loadEvp } from "#edge/linux/evp.ts";
import { loadEvpByAddress } from "#edge/linux/by-address.ts";
import { DATA_TAG_LENGTH, NONCE_COUNTER_OFFSET, NONCE_LENGTH } from "#wire/frame.ts";
import type { Arena } from "./arena.ts";

const KEY_LENGTH = 32;

/** Makes contexts, seals and opens. Context handles are addresses. */
export class Cipher {
  readonly #arena: Arena;
  readonly #evp = loadEvp();
  readonly #calls = loadEvpByAddress();
  readonly #key: number;
  readonly #nonce: number;
  readonly #nonceAddress: number;
  readonly #outLengthAddress: number;

  /** Throws EvpMissingError where Node does not export OpenSSL. */
  constructor(arena: Arena) {
    this.#arena = arena;
    this.#key = arena.reserve(KEY_LENGTH);
    this.#nonce = arena.reserve(NONCE_LENGTH);
    this.#nonceAddress = arena.base + this.#nonce;
    this.#outLengthAddress = arena.base + arena.reserve(8);
  }

  /** Throws where the key has a wrong length or OpenSSL refuses. */
  newContext(cipher: DataCipher, key: Uint8Array, direction: "seal" | "open"): number {
    if (key.length !== KEY_LENGTH) throw new RangeError(`a data key has 32 bytes, not ${key.length}`);
    const context = this.#evp.contextNew();
    if (context === null) throw new Error("OpenSSL has no memory for a cipher context");
    const algorithm = cipher === "aes-256-gcm" ? this.#evp.aes256Gcm() : this.#evp.chacha20Poly1305();
    const init = direction === "seal" ? this.#evp.encryptInit : this.#evp.decryptInit;
    this.#arena.u8.set(key, this.#key);
    const at = BigInt(this.#arena.base + this.#key);
    const result = init(context, algorithm, null, at, BigInt(this.#nonceAddress));
    this.#arena.u8.fill(0, this.#key, this.#key + KEY_LENGTH);
    if (result !== 1) {
      this.#evp.contextFree(context);
      throw new Error(`OpenSSL does not take a key for ${cipher}`);
    }
    return Number(context);
  }

  freeContext(context: number): void {
    this.#evp.contextFree(BigInt(context));
  }

  /** For a frame whose plaintext comes in two parts: sealStart, sealPart for each, sealEnd. */
  sealStart(context: number, counterHigh: number, counterLow: number): boolean {
    this.#setNonce(counterHigh, counterLow);
    return this.#calls.encryptInit(context, 0, 0, 0, this.#nonceAddress) === 1;
  }

  sealPart(context: number, from: number, to: number, length: number): boolean {
    const { base } = this.#arena;
    return this.#calls.encryptUpdate(context, base + to, this.#outLengthAddress, base + from, length) === 1;
  }

  /** Writes the tag at `tag`. */
  sealEnd(context: number, tag: number): boolean {
    const at = this.#arena.base + tag;
    if (this.#calls.encryptFinal(context, at, this.#outLengthAddress) !== 1) return false;
    return this.#calls.contextControl(context, EVP_CTRL_AEAD_GET_TAG, DATA_TAG_LENGTH, at) === 1;
  }

  /** Decrypts `length` bytes in place; the tag stands behind them. False where it is wrong: the bytes are spoilt. */
  open(context: number, counterHigh: number, counterLow: number, at: number, length: number): boolean {
    const address = this.#arena.base + at;
    const calls = this.#calls;
    this.#setNonce(counterHigh, counterLow);
    if (calls.decryptInit(context, 0, 0, 0, this.#nonceAddress) !== 1) return false;
    const tag = address + length;
    if (calls.contextControl(context, EVP_CTRL_AEAD_SET_TAG, DATA_TAG_LENGTH, tag) !== 1) return false;
    if (calls.decryptUpdate(context, address, this.#outLengthAddress, address, length) !== 1) return false;
    return calls.decryptFinal(context, tag, this.#outLengthAddress) === 1;
  }

  #setNonce(counterHigh: number, counterLow: number): void {
    const { dv } = this.#arena;
    dv.setUint32(this.#nonce + NONCE_COUNTER_OFFSET, counterHigh);
    dv.setUint32(this.#nonce + NONCE_COUNTER_OFFSET + 4, counterLow);
  }
}
