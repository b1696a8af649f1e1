import { hmac } from "#noise/hash.ts";

export const SECRET_LENGTH = 16;
export const INVITE_ID_LENGTH = 8;

/** What both ends make of an invite's one-time secret. The secret itself is in the link alone. */
export interface InviteKeys {
  /** Names the invite in the handshake; 8 bytes. */
  readonly id: Uint8Array;
  /** The handshake's pre-shared key; 32 bytes. */
  readonly psk: Uint8Array;
}

/** HKDF (RFC 5869) with BLAKE2s: the host's public key is the salt, so that a secret counts for one host. */
export function inviteKeys(hostPublicKey: Uint8Array, secret: Uint8Array): InviteKeys {
  if (secret.length !== SECRET_LENGTH) throw new RangeError(`a secret has 16 bytes, not ${secret.length}`);
  const pseudoRandomKey = hmac(hostPublicKey, secret);
  const expand = (info: string) =>
    hmac(pseudoRandomKey, new TextEncoder().encode(`castaway invite ${info}`), Uint8Array.of(1));
  return { id: expand("id").slice(0, INVITE_ID_LENGTH), psk: expand("psk") };
}
