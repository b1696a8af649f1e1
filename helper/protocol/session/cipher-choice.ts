import type { DataCipher } from "#ports/fast-path.ts";
import { CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305 } from "#wire/frame-handshake-payload.ts";

const NUMBERS: Record<DataCipher, number> = {
  "aes-256-gcm": CIPHER_AES_256_GCM,
  "chacha20-poly1305": CIPHER_CHACHA20_POLY1305,
};

/** What to offer, the preferred one first: AES-256-GCM where the processor has AES instructions. */
export function cipherOffer(hasAes: boolean): readonly number[] {
  return hasAes
    ? [CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305]
    : [CIPHER_CHACHA20_POLY1305, CIPHER_AES_256_GCM];
}

/** AES-256-GCM where both prefer it; otherwise one of the two would be slow, and ChaCha20-Poly1305 is slow nowhere. */
export function chooseCipher(offer: readonly number[], hasAes: boolean): DataCipher {
  return hasAes && offer[0] === CIPHER_AES_256_GCM ? "aes-256-gcm" : "chacha20-poly1305";
}

export function cipherNumber(cipher: DataCipher): number {
  return NUMBERS[cipher];
}

/** Undefined for a number that we did not offer. */
export function cipherByNumber(number: number): DataCipher | undefined {
  if (number === CIPHER_AES_256_GCM) return "aes-256-gcm";
  return number === CIPHER_CHACHA20_POLY1305 ? "chacha20-poly1305" : undefined;
}
