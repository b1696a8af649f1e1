import { publicKeyOfSeed } from "#noise/ed25519.ts";
import { hmac } from "#noise/hash.ts";

/** Under what a network's host is announced in the DHT. */
export interface DhtIdentity {
  /** 32 bytes: whoever has them can be called in the host's place. */
  readonly seed: Uint8Array;
  /** 32 bytes, Ed25519: what guests are told in their invites. */
  readonly publicKey: Uint8Array;
}

/**
 * HKDF (RFC 5869) with BLAKE2s of the host's private key: the key in the DHT tells nothing of the network's, and
 * guests, who know the network's, cannot announce themselves in the host's place.
 */
export function dhtIdentity(hostPrivateKey: Uint8Array): DhtIdentity {
  const pseudoRandomKey = hmac(new TextEncoder().encode("castaway dht v1"), hostPrivateKey);
  const seed = hmac(pseudoRandomKey, new TextEncoder().encode("seed"), Uint8Array.of(1));
  return { seed, publicKey: publicKeyOfSeed(seed) };
}
