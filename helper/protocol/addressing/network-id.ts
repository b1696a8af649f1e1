import { blake2s256 } from "#noise/hash.ts";

/** A domain label keeps the hashes of one key for different ends apart. */
export function labelledHash(label: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return blake2s256(new TextEncoder().encode(label), ...parts);
}

/** A network belongs to its host's X25519 public key (32 bytes): its id is 16 bytes of that key's hash. */
export function networkId(hostPublicKey: Uint8Array): Uint8Array {
  if (hostPublicKey.length !== 32)
    throw new RangeError(`a public key has 32 bytes, not ${hostPublicKey.length}`);
  return labelledHash("castaway network id", hostPublicKey).slice(0, 16);
}

/** 32 lower-case hexadecimal digits. */
export function networkIdText(id: Uint8Array): string {
  return id.toHex();
}

/**
 * Twelve bytes by which a router knows this computer's port mappings for its own, also after a crash (RFC 6887
 * section 11.1). They tell nothing of the private key that they come from.
 */
export function mappingNonce(privateKey: Uint8Array): Uint8Array {
  return labelledHash("castaway port mapping nonce", privateKey).slice(0, 12);
}

/**
 * The origin id of a member in data frames, 32 bits, never 0: from the hash of its key, so that it is the same in
 * every network that the computer belongs to, and a packet that came by two of them is known for one.
 */
export function originId(publicKey: Uint8Array): number {
  const { buffer } = labelledHash("castaway origin", publicKey);
  return new DataView(buffer).getUint32(0) || 1;
}
