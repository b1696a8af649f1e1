import HyperDHT from "hyperdht";
import { expect, test } from "vitest";
import { keyPair } from "#noise/x25519.ts";
import { dhtIdentity } from "#protocol/reach/dht-identity.ts";

test("the host's key in the DHT is the library's for that seed, the same for ever, and no other key of its own", () => {
  const privateKey = new Uint8Array(32).fill(7);
  const { seed, publicKey } = dhtIdentity(privateKey);
  expect(publicKey).toEqual(new Uint8Array(HyperDHT.keyPair(seed).publicKey));
  expect(publicKey.toHex()).toBe("82dcbf2ed1305e882cdfe0250380443440cda21b4ade3f0dd715e2755a5a6b98");
  expect(publicKey).not.toEqual(keyPair(privateKey).publicKey);
  expect(dhtIdentity(new Uint8Array(32).fill(8)).publicKey).not.toEqual(publicKey);
});
