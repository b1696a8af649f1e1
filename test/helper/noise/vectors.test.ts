import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CipherState } from "#noise/cipher-state.ts";
import { HandshakeState } from "#noise/handshake-state.ts";
import { IK, IKPSK2, NK, NNPSK0, NNPSK2, XX, XXPSK3 } from "#noise/pattern.ts";
import { keyPair } from "#noise/x25519.ts";

// cacophony's vectors (haskell-cryptography/cacophony), a subset, where the checkout has them beside it.
const FILE = new URL("../../../../shared/vectors/noise-25519-chachapoly-blake2s.json", import.meta.url);
const SUFFIX = "_25519_ChaChaPoly_BLAKE2s";
const PATTERNS = [NK, IK, XX, NNPSK0, NNPSK2, XXPSK3, IKPSK2];

interface Vector {
  protocol_name: string;
  init_prologue: string;
  resp_prologue: string;
  init_psks?: string[];
  resp_psks?: string[];
  init_static?: string;
  resp_static?: string;
  init_ephemeral: string;
  resp_ephemeral: string;
  init_remote_static?: string;
  handshake_hash: string;
  messages: { payload: string; ciphertext: string }[];
}

const bytes = (hex: string) => Uint8Array.fromHex(hex);

function side(vector: Vector, initiator: boolean) {
  const pattern = PATTERNS.find((p) => vector.protocol_name === `Noise_${p.name}${SUFFIX}`);
  if (!pattern) throw new Error(`no pattern for ${vector.protocol_name}`);
  const own = initiator ? vector.init_static : vector.resp_static;
  const psk = (initiator ? vector.init_psks : vector.resp_psks)?.[0];
  const prologue = initiator ? vector.init_prologue : vector.resp_prologue;
  const ephemeral = initiator ? vector.init_ephemeral : vector.resp_ephemeral;
  return new HandshakeState({
    pattern,
    initiator,
    prologue: bytes(prologue),
    localEphemeral: keyPair(bytes(ephemeral)),
    ...(own && { localStatic: keyPair(bytes(own)) }),
    ...(psk && { psk: bytes(psk) }),
    ...(initiator && vector.init_remote_static && { remoteStatic: bytes(vector.init_remote_static) }),
  });
}

if (!existsSync(FILE)) test.skip("cacophony vectors: ../shared/vectors is not beside the checkout", () => {});
else {
  const { vectors } = JSON.parse(readFileSync(FILE, "utf8")) as { vectors: Vector[] };

  test("the file has the patterns that matter", () => {
    const names = vectors.map((vector) => vector.protocol_name);
    for (const { name } of PATTERNS) expect(names).toContain(`Noise_${name}${SUFFIX}`);
  });

  test.each(vectors)("$protocol_name", (vector) => {
    const initiator = side(vector, true);
    const responder = side(vector, false);
    const messages = [...vector.messages];
    let turn = 0;
    for (; !initiator.finished; turn++) {
      const [writer, reader] = turn % 2 === 0 ? [initiator, responder] : [responder, initiator];
      const { payload, ciphertext } = messages[turn]!;
      const message = writer.writeMessage(bytes(payload));
      expect(message.toHex()).toBe(ciphertext);
      expect(reader.readMessage(message).toHex()).toBe(payload);
    }
    expect(responder.finished).toBe(true);
    expect(initiator.handshakeHash.toHex()).toBe(vector.handshake_hash);
    expect(responder.handshakeHash.toHex()).toBe(vector.handshake_hash);
    const keys = initiator.split();
    expect(responder.split()).toEqual({ send: keys.receive, receive: keys.send });
    const byInitiator = new CipherState(keys.send);
    const byResponder = new CipherState(keys.receive);
    for (; turn < messages.length; turn++) {
      const { payload, ciphertext } = messages[turn]!;
      const cipher = turn % 2 === 0 ? byInitiator : byResponder;
      expect(cipher.encryptWithAd(new Uint8Array(0), bytes(payload)).toHex()).toBe(ciphertext);
    }
  });
}
