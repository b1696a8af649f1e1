// The signature keys of the public DHT (RFC 8032). It signs and shakes hands itself; we only have to know them.
import { createPrivateKey, createPublicKey } from "node:crypto";

export const SEED_LENGTH = 32;
/** PKCS #8 of an Ed25519 key up to the seed (RFC 8410 section 7). */
const PKCS8 = Uint8Array.fromHex("302e020100300506032b657004220420");

/** The public key, 32 bytes, that belongs to a seed of 32 bytes. */
export function publicKeyOfSeed(seed: Uint8Array): Uint8Array {
  if (seed.length !== SEED_LENGTH) throw new RangeError(`a seed has 32 bytes, not ${seed.length}`);
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8, seed]),
    format: "der",
    type: "pkcs8",
  });
  const { x } = createPublicKey(key).export({ format: "jwk" });
  return new Uint8Array(Buffer.from(x!, "base64url"));
}
