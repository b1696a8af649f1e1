import { equalBytes } from "#noise/equal.ts";
import { hmac } from "#noise/hash.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { addressBytes } from "#wire/address.ts";
import { COOKIE_LENGTH } from "#wire/meet-message.ts";

/** Cookies are made with a new secret this often; those of the last one still count. */
export const PROOF_LIFETIME = 120_000;

/** Cookies that show that their bearer gets mail at its address. Nothing is remembered per address. */
export class AddressProof {
  #secret: Uint8Array;
  #previous: Uint8Array | undefined;
  #since: number;

  /** `secret`: 32 random bytes. */
  constructor(secret: Uint8Array, now: number) {
    this.#secret = secret;
    this.#since = now;
  }

  get rotateAt(): number {
    return this.#since + PROOF_LIFETIME;
  }

  rotate(secret: Uint8Array, now: number): void {
    this.#previous = now < this.rotateAt + PROOF_LIFETIME ? this.#secret : undefined;
    this.#secret = secret;
    this.#since = now;
  }

  make(of: Endpoint): Uint8Array {
    return cookie(this.#secret, of);
  }

  valid(presented: Uint8Array, of: Endpoint): boolean {
    const secrets = this.#previous ? [this.#secret, this.#previous] : [this.#secret];
    return secrets.some((secret) => equalBytes(cookie(secret, of), presented));
  }
}

function cookie(secret: Uint8Array, of: Endpoint): Uint8Array {
  const port = Uint8Array.of(of.port >> 8, of.port & 0xff, of.stream === undefined ? 0 : 1);
  return hmac(secret, addressBytes(of.address), port).subarray(0, COOKIE_LENGTH);
}
