// Under what a host is found at a meeting point, and how it shows that the place is its own.
//
// The id is the host's public key, blinded: X25519(b, P) with b from P itself. Who has an invite can make it; who
// sees it learns nothing of P, so a meeting point cannot shake hands with the host, or tell whose network it is.
// The host alone can make X25519 of the meeting point's key with the id's private half: it multiplies by b, then by
// its own private key. Both are X25519 (RFC 7748), whose results commute.
import { equalBytes } from "#noise/equal.ts";
import { blake2s256, hmac } from "#noise/hash.ts";
import { dh, keyPair, type KeyPair } from "#noise/x25519.ts";
import { meetMac } from "#wire/meet.ts";
import { MEET_MAC_LENGTH } from "#wire/meet-message.ts";

const encoder = new TextEncoder();
const LABEL_BLIND = encoder.encode("castaway meet id");
const LABEL_HOST = encoder.encode("castaway meet host");

function blinding(hostPublicKey: Uint8Array): KeyPair {
  return keyPair(blake2s256(LABEL_BLIND, hostPublicKey));
}

/** 32 bytes: itself a public key. Throws NoiseError for a key of low order. */
export function meetId(hostPublicKey: Uint8Array): Uint8Array {
  return dh(blinding(hostPublicKey), hostPublicKey);
}

/** The host's side of the key that it shares with a meeting point. Throws NoiseError for a key of low order. */
export function hostMeetKey(local: KeyPair, meetPublicKey: Uint8Array): Uint8Array {
  const shared = dh(local, dh(blinding(local.publicKey), meetPublicKey));
  return hmac(shared, LABEL_HOST, meetPublicKey, meetId(local.publicKey));
}

/** The meeting point's side. Throws NoiseError for an id of low order. */
export function serverMeetKey(meet: KeyPair, id: Uint8Array): Uint8Array {
  return hmac(dh(meet, id), LABEL_HOST, meet.publicKey, id);
}

/** Fills in the MAC at the end of a message, in place. */
export function signMeet(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  const { covered, mac } = meetMac(bytes);
  mac.set(hmac(key, covered).subarray(0, MEET_MAC_LENGTH));
  return bytes;
}

export function meetMacValid(bytes: Uint8Array, key: Uint8Array): boolean {
  const { covered, mac } = meetMac(bytes);
  return equalBytes(hmac(key, covered).subarray(0, MEET_MAC_LENGTH), mac);
}
