import { expect, test } from "vitest";
import { open, seal } from "#noise/aead.ts";
import { HandshakeState } from "#noise/handshake-state.ts";
import { NoiseError } from "#noise/noise-error.ts";
import { IKPSK2 } from "#noise/pattern.ts";
import { dh, keyPair } from "#noise/x25519.ts";

const NONE = new Uint8Array(0);
const key = (fill: number) => keyPair(new Uint8Array(32).fill(fill));
const ALICE = key(1);
const BOB = key(2);
const PSK = new Uint8Array(32).fill(7);

function pair(psk = PSK) {
  const common = { pattern: IKPSK2, prologue: NONE };
  const initiator = new HandshakeState({
    ...common,
    initiator: true,
    localStatic: ALICE,
    localEphemeral: key(3),
    remoteStatic: BOB.publicKey,
    psk,
  });
  const responder = new HandshakeState({
    ...common,
    initiator: false,
    localStatic: BOB,
    localEphemeral: key(4),
    psk: PSK,
  });
  return { initiator, responder };
}

// RFC 7748 section 5.2, first test vector.
test("X25519 as RFC 7748 computes it", () => {
  const scalar = "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4";
  const u = "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c";
  const result = dh(keyPair(Uint8Array.fromHex(scalar)), Uint8Array.fromHex(u));
  expect(result.toHex()).toBe("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
});

// The points whose order divides 8 (Bernstein, "Curve25519: new Diffie-Hellman speed records", and their
// representations that are not reduced).
const LOW_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

test.each(LOW_ORDER)("low-order point %s is refused, as a key and as an ephemeral", (hex) => {
  const point = Uint8Array.fromHex(hex);
  expect(() => dh(ALICE, point)).toThrow(new NoiseError("low-order-key"));
  const message = new Uint8Array(96);
  message.set(point);
  expect(() => pair().responder.readMessage(message)).toThrow(new NoiseError("low-order-key"));
});

test("the responder learns the initiator's key from the first message", () => {
  const { initiator, responder } = pair();
  expect(responder.remoteStatic).toBeUndefined();
  responder.readMessage(initiator.writeMessage(Uint8Array.of(1, 2)));
  expect(responder.remoteStatic).toEqual(ALICE.publicKey);
});

test("every changed byte of either message is noticed", () => {
  const first = pair().initiator.writeMessage(Uint8Array.of(9));
  for (let i = 0; i < first.length; i++) {
    const changed = first.slice();
    changed[i]! ^= 0x40;
    expect(() => pair().responder.readMessage(changed)).toThrow(NoiseError);
  }
  const done = () => {
    const both = pair();
    both.responder.readMessage(both.initiator.writeMessage(NONE));
    return { ...both, second: both.responder.writeMessage(Uint8Array.of(9)) };
  };
  for (let i = 0; i < done().second.length; i++) {
    const { initiator, second } = done();
    second[i]! ^= 0x40;
    expect(() => initiator.readMessage(second)).toThrow(NoiseError);
  }
});

test("another pre-shared key fails at the response", () => {
  const { initiator, responder } = pair(new Uint8Array(32).fill(8));
  responder.readMessage(initiator.writeMessage(NONE));
  const second = responder.writeMessage(NONE);
  expect(() => initiator.readMessage(second)).toThrow(new NoiseError("authentication"));
});

test("messages cut short are refused", () => {
  const first = pair().initiator.writeMessage(NONE);
  for (let length = 0; length < first.length; length++)
    expect(() => pair().responder.readMessage(first.subarray(0, length))).toThrow(NoiseError);
});

test("our own misuse throws: out of turn, before the end, after it, without keys", () => {
  const { initiator, responder } = pair();
  expect(() => responder.writeMessage(NONE)).toThrow("turn");
  expect(() => initiator.split()).toThrow("not finished");
  responder.readMessage(initiator.writeMessage(NONE));
  initiator.readMessage(responder.writeMessage(NONE));
  expect(() => initiator.writeMessage(NONE)).toThrow("finished");
  const common = { pattern: IKPSK2, initiator: true, prologue: NONE, localEphemeral: key(3) };
  expect(() => new HandshakeState(common)).toThrow("missing");
});

// RFC 8439 section 2.8.2.
test("ChaCha20-Poly1305 as RFC 8439 computes it", () => {
  const secret = Uint8Array.fromHex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const nonce = Uint8Array.fromHex("070000004041424344454647");
  const associated = Uint8Array.fromHex("50515253c0c1c2c3c4c5c6c7");
  const text = new TextEncoder().encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const sealed = seal(secret, nonce, associated, text);
  expect(sealed.subarray(-16).toHex()).toBe("1ae10b594f09e26a7e902ecbd0600691");
  expect(open(secret, nonce, associated, sealed)).toEqual(text);
  expect(() => open(secret, nonce, NONE, sealed)).toThrow(new NoiseError("authentication"));
  expect(() => open(secret, nonce, associated, sealed.subarray(0, 15))).toThrow(new NoiseError("length"));
});
