import { equalBytes } from "#noise/equal.ts";
import { hmac } from "#noise/hash.ts";
import { addressBytes } from "#wire/address.ts";
import { type AmtEndpoint, RESPONSE_MAC_LENGTH } from "#wire/amt.ts";

/** A secret makes MACs for so long; those of the last one still count (RFC 7450 section 5.3.5). */
export const SECRET_LIFETIME_MS = 7_200_000;
/** Some Cisco gateways garble the last two bytes of what they give back. */
const SHORT_LENGTH = 4;

/**
 * What a relay gives to whoever asks and knows again when it comes back: that the sender gets mail at its address.
 * Nothing is remembered per gateway.
 */
export class ResponseMac {
  readonly #length: number;
  #secret: Uint8Array;
  #previous: Uint8Array | undefined;
  #since: number;

  /** `secret`: 32 random bytes. `short`: four bytes of a MAC are enough. */
  constructor(secret: Uint8Array, short: boolean, now: number) {
    this.#secret = secret;
    this.#length = short ? SHORT_LENGTH : RESPONSE_MAC_LENGTH;
    this.#since = now;
  }

  get rotateAt(): number {
    return this.#since + SECRET_LIFETIME_MS;
  }

  rotate(secret: Uint8Array, now: number): void {
    this.#previous = now < this.rotateAt + SECRET_LIFETIME_MS ? this.#secret : undefined;
    this.#secret = secret;
    this.#since = now;
  }

  /** `ecn`: what the Request said of it, which has to be known when the answer comes. */
  make(of: AmtEndpoint, nonce: number, ecn: boolean): Uint8Array {
    return mac(this.#secret, of, nonce, ecn);
  }

  /** What it was made with; undefined: it is none of ours. */
  check(presented: Uint8Array, of: AmtEndpoint, nonce: number): { readonly ecn: boolean } | undefined {
    for (const secret of [this.#secret, this.#previous])
      for (const ecn of [false, true])
        if (secret && this.same(mac(secret, of, nonce, ecn), presented)) return { ecn };
    return undefined;
  }

  /** As strictly as MACs are compared here. */
  same(a: Uint8Array, b: Uint8Array): boolean {
    return equalBytes(a.subarray(0, this.#length), b.subarray(0, this.#length));
  }
}

/** RFC 7450 section 5.3.5: over the source address, the source port and the nonce; one byte more where E was set. */
function mac(secret: Uint8Array, of: AmtEndpoint, nonce: number, ecn: boolean): Uint8Array {
  const rest = new DataView(new ArrayBuffer(ecn ? 7 : 6));
  rest.setUint16(0, of.port);
  rest.setUint32(2, nonce);
  return hmac(secret, addressBytes(of.address), new Uint8Array(rest.buffer)).subarray(0, RESPONSE_MAC_LENGTH);
}
