import { createPrivateKey, X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { makeCertificate } from "#runtime/streams/certificate.ts";

const MACHINE = new Uint8Array(32).fill(7);

test("a certificate that signs itself, of which the key is the machine's at every start", () => {
  const { key, cert } = makeCertificate(MACHINE);
  const read = new X509Certificate(cert);
  expect(read.verify(read.publicKey)).toBe(true);
  expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect([read.subject, read.issuer]).toEqual(["CN=localhost", "CN=localhost"]);
  expect(new Date(read.validTo).getUTCFullYear()).toBe(2049);
  expect(makeCertificate(MACHINE).key).toBe(key);
  expect(makeCertificate(new Uint8Array(32).fill(8)).key).not.toBe(key);
  expect(key).not.toContain(Buffer.from(MACHINE).toString("base64").slice(0, 20));
});
