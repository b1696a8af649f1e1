import { open, seal } from "#noise/aead.ts";
import { equalBytes } from "#noise/equal.ts";
import { blake2s256, hmac } from "#noise/hash.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { addressBytes } from "#wire/address.ts";
import { decodeCookieReply, encodeCookieReply, frameMacs, MAC_LENGTH } from "#wire/frame-handshake.ts";
import { COOKIE_SECRET_LIFETIME, LABEL_COOKIE, LABEL_MAC1 } from "./constants.ts";

// The two MACs at the end of a handshake frame (WireGuard paper, section 5.4.4 and 5.4.7). mac1 shows that the
// sender knows the receiver's public key, before any costly work. mac2 shows, when the receiver is under load, that
// the sender gets mail at the address it claims. WireGuard's keyed BLAKE2s is HMAC-BLAKE2s here, cut to 16 bytes:
// node:crypto has no keyed BLAKE2.

const ENCODER = new TextEncoder();
const NO_NONCE = new Uint8Array(12);

export function mac1Key(receiverStatic: Uint8Array): Uint8Array {
  return blake2s256(ENCODER.encode(LABEL_MAC1), receiverStatic);
}

function mac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return hmac(key, data).subarray(0, MAC_LENGTH);
}

/** Fills in mac1, and mac2 where there is a cookie. The frame is changed in place. */
export function signFrame(frame: Uint8Array, key1: Uint8Array, cookie: Uint8Array | undefined): void {
  const { covered1, mac1, covered2, mac2 } = frameMacs(frame);
  mac1.set(mac(key1, covered1));
  if (cookie) mac2.set(mac(cookie, covered2));
  else mac2.fill(0);
}

export function mac1Valid(frame: Uint8Array, key1: Uint8Array): boolean {
  const { covered1, mac1 } = frameMacs(frame);
  return equalBytes(mac(key1, covered1), mac1);
}

/** A nonce of 24 random bytes is worth a key of its own: no two cookies are sealed with one key. */
function cookieKey(responderStatic: Uint8Array, nonce: Uint8Array): Uint8Array {
  return blake2s256(ENCODER.encode(LABEL_COOKIE), responderStatic, nonce);
}

/** The responder's side: cookies are made from a secret and an address, so nothing is remembered per sender. */
export class CookieIssuer {
  readonly #static: Uint8Array;
  #secret: Uint8Array;
  #previous: Uint8Array | undefined;
  #since: number;

  /** `secret`: 32 random bytes. */
  constructor(responderStatic: Uint8Array, secret: Uint8Array, now: number) {
    this.#static = responderStatic;
    this.#secret = secret;
    this.#since = now;
  }

  /** Is it time for `rotate`? */
  due(now: number): boolean {
    return now - this.#since >= COOKIE_SECRET_LIFETIME;
  }

  rotate(secret: Uint8Array, now: number): void {
    // A secret that nobody used for long must not be prolonged by being asked late.
    this.#previous = now - this.#since < 2 * COOKIE_SECRET_LIFETIME ? this.#secret : undefined;
    this.#secret = secret;
    this.#since = now;
  }

  mac2Valid(frame: Uint8Array, from: Endpoint): boolean {
    const { covered2, mac2 } = frameMacs(frame);
    const secrets = this.#previous ? [this.#secret, this.#previous] : [this.#secret];
    return secrets.some((secret) => equalBytes(mac(cookie(secret, from), covered2), mac2));
  }

  /** A cookie reply frame for that initiation. `nonce`: 24 random bytes. */
  reply(frame: Uint8Array, senderIndex: number, from: Endpoint, nonce: Uint8Array): Uint8Array {
    const key = cookieKey(this.#static, nonce);
    const sealed = seal(key, NO_NONCE, frameMacs(frame).mac1, cookie(this.#secret, from));
    return encodeCookieReply({ receiverIndex: senderIndex, nonce, sealed });
  }
}

function cookie(secret: Uint8Array, from: Endpoint): Uint8Array {
  const port = Uint8Array.of(from.port >> 8, from.port & 0xff);
  return hmac(secret, addressBytes(from.address), port).subarray(0, MAC_LENGTH);
}

/**
 * The initiator's side: the cookie out of a reply to `frame`, the initiation as it was sent. Throws NoiseError
 * where the reply is not by that responder, or not to that frame.
 */
export function openCookie(
  reply: Uint8Array,
  responderStatic: Uint8Array,
  frame: Uint8Array,
): Uint8Array | undefined {
  const decoded = decodeCookieReply(reply);
  if (!decoded) return undefined;
  const key = cookieKey(responderStatic, decoded.nonce);
  return open(key, NO_NONCE, frameMacs(frame).mac1, decoded.sealed);
}
