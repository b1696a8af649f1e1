import { createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { NoiseError } from "./noise-error.ts";

/** DHLEN of Curve25519 (Noise section 12.1). */
export const DHLEN = 32;

/** node:crypto takes keys with their algorithm in front (RFC 8410 section 7 and section 4). */
const PRIVATE_PREFIX = Uint8Array.fromHex("302e020100300506032b656e04220420");
const PUBLIC_PREFIX = Uint8Array.fromHex("302a300506032b656e032100");

/** The private half stays inside node:crypto's object: it cannot be printed or put into JSON by accident. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

/** From 32 bytes of randomness or of storage. Throws RangeError on another length. */
export function keyPair(privateKey: Uint8Array): KeyPair {
  if (privateKey.length !== DHLEN)
    throw new RangeError(`a private key has 32 bytes, not ${privateKey.length}`);
  const key = createPrivateKey({ key: joined(PRIVATE_PREFIX, privateKey), format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return { privateKey: key, publicKey: new Uint8Array(spki.subarray(PUBLIC_PREFIX.length)) };
}

/**
 * X25519 (RFC 7748). Throws NoiseError "low-order-key" where the result would be zero: such a public key takes
 * the secret out of the handshake (RFC 7748 section 6.1).
 */
export function dh(pair: KeyPair, publicKey: Uint8Array): Uint8Array {
  if (publicKey.length !== DHLEN) throw new NoiseError("length");
  const key = createPublicKey({ key: joined(PUBLIC_PREFIX, publicKey), format: "der", type: "spki" });
  let shared: Uint8Array;
  try {
    shared = new Uint8Array(diffieHellman({ privateKey: pair.privateKey, publicKey: key }));
  } catch {
    throw new NoiseError("low-order-key"); // OpenSSL refuses the zero result itself
  }
  if (shared.every((byte) => byte === 0)) throw new NoiseError("low-order-key");
  return shared;
}

function joined(prefix: Uint8Array, key: Uint8Array): Buffer {
  return Buffer.concat([prefix, key]);
}
