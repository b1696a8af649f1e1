import { TAG_LENGTH } from "./aead.ts";
import { NoiseError } from "./noise-error.ts";
import type { Pattern, Token } from "./pattern.ts";
import { SymmetricState } from "./symmetric-state.ts";
import { dh, DHLEN } from "./x25519.ts";
import type { KeyPair } from "./x25519.ts";

export interface HandshakeOptions {
  readonly pattern: Pattern;
  readonly initiator: boolean;
  readonly prologue: Uint8Array;
  /** Patterns that send or expect "s" need it. */
  readonly localStatic?: KeyPair;
  /** Fresh for every handshake, from 32 random bytes. A responder may set it later: strangers are not worth one. */
  readonly localEphemeral?: KeyPair;
  /** The initiator's knowledge of the responder, where the pattern says so. */
  readonly remoteStatic?: Uint8Array;
  /** 32 bytes; a responder that finds it by the initiator's static key sets it with `setPsk`. */
  readonly psk?: Uint8Array;
}

/**
 * Noise section 5.3 over 25519, ChaChaPoly and BLAKE2s. Ephemeral keys are passed in, so nothing here is random.
 * After a NoiseError the state is spent.
 */
export class HandshakeState {
  readonly #symmetric: SymmetricState;
  readonly #pattern: Pattern;
  readonly #initiator: boolean;
  readonly #static: KeyPair | undefined;
  #ephemeral: KeyPair | undefined;
  readonly #hasPsk: boolean;
  #remoteStatic: Uint8Array | undefined;
  #remoteEphemeral: Uint8Array | undefined;
  #psk: Uint8Array | undefined;
  #next = 0;

  constructor(options: HandshakeOptions) {
    const { pattern, initiator, prologue } = options;
    this.#pattern = pattern;
    this.#initiator = initiator;
    this.#static = options.localStatic;
    this.#ephemeral = options.localEphemeral;
    this.#remoteStatic = options.remoteStatic;
    this.#psk = options.psk;
    this.#hasPsk = pattern.messages.some((message) => message.includes("psk"));
    this.#symmetric = new SymmetricState(`Noise_${pattern.name}_25519_ChaChaPoly_BLAKE2s`);
    this.#symmetric.mixHash(prologue);
    if (pattern.responderKnown) {
      const known = initiator ? this.#remoteStatic : this.#static?.publicKey;
      this.#symmetric.mixHash(needed(known, "the responder's static key"));
    }
  }

  get handshakeHash(): Uint8Array {
    return this.#symmetric.handshakeHash;
  }

  /** Known from the start, or once the message that carries it was read. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#remoteStatic;
  }

  get finished(): boolean {
    return this.#next === this.#pattern.messages.length;
  }

  setLocalEphemeral(ephemeral: KeyPair): void {
    this.#ephemeral = ephemeral;
  }

  setPsk(psk: Uint8Array): void {
    this.#psk = psk;
  }

  /** Throws NoiseError "low-order-key" where the other side's key is such. */
  writeMessage(payload: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    for (const token of this.#turn(true)) {
      if (token === "e") {
        const { publicKey } = needed(this.#ephemeral, "our ephemeral key");
        parts.push(publicKey);
        this.#mixEphemeral(publicKey);
      } else if (token === "s") {
        parts.push(this.#symmetric.encryptAndHash(needed(this.#static, "our static key").publicKey));
      } else this.#mix(token);
    }
    parts.push(this.#symmetric.encryptAndHash(payload));
    return concat(parts);
  }

  /** The payload. Throws NoiseError. */
  readMessage(message: Uint8Array): Uint8Array {
    let offset = 0;
    const take = (length: number) => {
      if (offset + length > message.length) throw new NoiseError("length");
      const start = offset;
      offset += length;
      return message.slice(start, offset);
    };
    for (const token of this.#turn(false)) {
      if (token === "e") {
        this.#remoteEphemeral = take(DHLEN);
        this.#mixEphemeral(this.#remoteEphemeral);
      } else if (token === "s") {
        const sealed = take(this.#symmetric.hasKey() ? DHLEN + TAG_LENGTH : DHLEN);
        this.#remoteStatic = this.#symmetric.decryptAndHash(sealed);
      } else this.#mix(token);
    }
    return this.#symmetric.decryptAndHash(message.slice(offset));
  }

  /** Transport keys once finished: what we send with, what we receive with. */
  split(): { readonly send: Uint8Array; readonly receive: Uint8Array } {
    if (!this.finished) throw new Error("the handshake is not finished");
    const [first, second] = this.#symmetric.split();
    return this.#initiator ? { send: first, receive: second } : { send: second, receive: first };
  }

  #turn(write: boolean): readonly Token[] {
    const tokens = this.#pattern.messages[this.#next];
    if (!tokens) throw new Error("the handshake is finished");
    if (((this.#next % 2 === 0) === this.#initiator) !== write)
      throw new Error("it is the other side's turn");
    this.#next++;
    return tokens;
  }

  #mixEphemeral(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    // Section 9.2: with a psk, ephemeral keys go into the chaining key too, so that it is never used twice alike.
    if (this.#hasPsk) this.#symmetric.mixKey(publicKey);
  }

  #mix(token: Exclude<Token, "e" | "s">): void {
    if (token === "psk") this.#symmetric.mixKeyAndHash(needed(this.#psk, "the pre-shared key"));
    else this.#symmetric.mixKey(this.#agree(token));
  }

  /** The first letter of a token is the initiator's key, the second the responder's. */
  #agree(token: "ee" | "es" | "se" | "ss"): Uint8Array {
    const ours = this.#initiator ? token[0] : token[1];
    const theirs = this.#initiator ? token[1] : token[0];
    const local = needed(ours === "e" ? this.#ephemeral : this.#static, "our key");
    const remote = theirs === "e" ? this.#remoteEphemeral : this.#remoteStatic;
    return dh(local, needed(remote, "the other side's key"));
  }
}

function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`noise: ${what} is missing`);
  return value;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
