// The certificate of the TLS server. Nobody has to trust it, as the handshake inside the stream is what counts; it is
// there because TLS wants one. Its key follows from the machine's, so that it is the same at every start.
import { createECDH, createPrivateKey, createPublicKey, hkdfSync, sign, type KeyObject } from "node:crypto";

const CURVE = "prime256v1";
const LABEL = "castaway tls";
/** Of P-256. A secret is below it but for one in 2^32. */
const ORDER = Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex");

// DER (X.690): tag, length, content.
const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OBJECT = 0x06;
const UTF8 = 0x0c;
const UTC_TIME = 0x17;
const VERSION = 0xa0;
const COMMON_NAME = Buffer.from("550403", "hex"); // 2.5.4.3
const ECDSA_SHA256 = Buffer.from("2a8648ce3d040302", "hex"); // 1.2.840.10045.4.3.2

export interface Certificate {
  readonly key: string; // PEM
  readonly cert: string; // PEM
}

/** `machineKey`: the private key of this computer, 32 bytes. */
export function makeCertificate(machineKey: Uint8Array): Certificate {
  const key = tlsKey(machineKey);
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  const algorithm = der(SEQUENCE, der(OBJECT, ECDSA_SHA256));
  const name = der(
    SEQUENCE,
    der(SET, der(SEQUENCE, der(OBJECT, COMMON_NAME), der(UTF8, Buffer.from("localhost")))),
  );
  const validity = der(
    SEQUENCE,
    der(UTC_TIME, Buffer.from("200101000000Z")),
    der(UTC_TIME, Buffer.from("491231235959Z")),
  );
  const version = der(VERSION, der(INTEGER, Buffer.of(2)));
  const serial = der(INTEGER, Buffer.of(1));
  const content = der(SEQUENCE, version, serial, algorithm, name, validity, name, spki);
  const signature = der(BIT_STRING, Buffer.of(0), sign("sha256", content, key));
  const cert = pem("CERTIFICATE", der(SEQUENCE, content, algorithm, signature));
  return { key: key.export({ type: "pkcs8", format: "pem" }).toString(), cert };
}

function tlsKey(machineKey: Uint8Array): KeyObject {
  for (let n = 0; ; n++) {
    const secret = Buffer.from(hkdfSync("sha256", machineKey, Buffer.alloc(0), `${LABEL} ${n}`, 32));
    if (Buffer.compare(secret, ORDER) >= 0 || secret.every((byte) => byte === 0)) continue;
    const curve = createECDH(CURVE);
    curve.setPrivateKey(secret);
    const point = curve.getPublicKey();
    const part = (from: number, to: number): string => point.subarray(from, to).toString("base64url");
    const d = secret.toString("base64url");
    return createPrivateKey({
      format: "jwk",
      key: { kty: "EC", crv: "P-256", d, x: part(1, 33), y: part(33, 65) },
    });
  }
}

function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(content);
  const size: number[] = [];
  for (let left = bytes.length; left > 0; left = Math.floor(left / 256)) size.unshift(left % 256);
  const length = bytes.length < 128 ? Buffer.of(bytes.length) : Buffer.of(0x80 | size.length, ...size);
  return Buffer.concat([Buffer.of(tag), length, bytes]);
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g)!;
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
