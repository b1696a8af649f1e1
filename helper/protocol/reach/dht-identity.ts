import { publicKeyOfSeed } from "#noise/ed25519.ts";
import { hmac } from "#noise/hash.ts";

/** Under what a network's host is announced in the DHT. */
export interface DhtIdentity {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
}

/**
 * HKDF (RFC 5869) with BLAKE2s of the host's public key. So an invite needs no field more, and the DHT's nodes see
 * a key that tells nothing of the network's. Who has an invite can derive it too, and so stand in the host's place
 * there: that keeps guests from finding the host by this way, and gains nothing else, because what passes is sealed.
 */
export function dhtIdentity(hostPublicKey: Uint8Array): DhtIdentity {
  const pseudoRandomKey = hmac(new TextEncoder().encode("castaway dht v1"), hostPublicKey);
  const seed = hmac(pseudoRandomKey, new TextEncoder().encode("seed"), Uint8Array.of(1));
  return { seed, publicKey: publicKeyOfSeed(seed) };
}
