// OpenSSL's EVP functions, found in Node's own executable, which exports them: no system library is needed. One
// call costs a fraction of what Node's createCipheriv does, and a context is kept per key.
import { readFileSync } from "node:fs";
import koffi from "koffi";
import type { Pointer } from "./libc.ts";

// openssl/evp.h
export const EVP_CTRL_AEAD_SET_IVLEN = 0x9;
export const EVP_CTRL_AEAD_GET_TAG = 0x10;
export const EVP_CTRL_AEAD_SET_TAG = 0x11;

/** EVP_CIPHER_CTX *, EVP_CIPHER *: addresses, 0n (null) never leaves this file. */
export type CipherContext = bigint;
export type CipherAlgorithm = bigint;

type Initialise = (
  context: CipherContext,
  cipher: CipherAlgorithm | null,
  engine: null,
  key: Pointer,
  iv: Pointer,
) => number;
/** `outLength` points at an int. `out` null: `data` is additional authenticated data. */
type Update = (
  context: CipherContext,
  out: Pointer,
  outLength: Pointer,
  data: Pointer,
  length: number,
) => number;
type Finalise = (context: CipherContext, out: Pointer, outLength: Pointer) => number;

/** All of them return 1 for success, as OpenSSL does; a failed DecryptFinal is how a forged tag shows. */
export interface Evp {
  contextNew(): CipherContext | null;
  contextFree(context: CipherContext): void;
  contextControl(context: CipherContext, control: number, argument: number, data: Pointer): number;
  aes256Gcm(): CipherAlgorithm;
  chacha20Poly1305(): CipherAlgorithm;
  readonly encryptInit: Initialise;
  readonly encryptUpdate: Update;
  readonly encryptFinal: Finalise;
  readonly decryptInit: Initialise;
  readonly decryptUpdate: Update;
  readonly decryptFinal: Finalise;
}

export class EvpMissingError extends Error {
  override name = "EvpMissingError";
}

/** Binds the functions. Throws EvpMissingError, which names the first one that is not there. */
export function loadEvp(): Evp {
  const library = koffi.load(null);
  const bind = (definition: string): ReturnType<typeof library.func> => {
    try {
      return library.func(definition);
    } catch (cause) {
      throw new EvpMissingError(
        `this Node (${process.execPath}, ${process.version}) does not export OpenSSL's functions: ${definition}`,
        { cause },
      );
    }
  };
  const init = "(void *context, void *cipher, void *engine, void *key, void *iv)";
  const update = "(void *context, void *out, void *outLength, void *data, int length)";
  const final = "(void *context, void *out, void *outLength)";
  return {
    contextNew: bind("void *EVP_CIPHER_CTX_new()"),
    contextFree: bind("void EVP_CIPHER_CTX_free(void *context)"),
    contextControl: bind("int EVP_CIPHER_CTX_ctrl(void *context, int control, int argument, void *data)"),
    aes256Gcm: bind("void *EVP_aes_256_gcm()"),
    chacha20Poly1305: bind("void *EVP_chacha20_poly1305()"),
    encryptInit: bind(`int EVP_EncryptInit_ex${init}`),
    encryptUpdate: bind(`int EVP_EncryptUpdate${update}`),
    encryptFinal: bind(`int EVP_EncryptFinal_ex${final}`),
    decryptInit: bind(`int EVP_DecryptInit_ex${init}`),
    decryptUpdate: bind(`int EVP_DecryptUpdate${update}`),
    decryptFinal: bind(`int EVP_DecryptFinal_ex${final}`),
  };
}

/**
 * Whether the processor has AES instructions: AES-256-GCM is the faster cipher then, ChaCha20-Poly1305 otherwise.
 * x86: a "flags" line; arm64: a "Features" line; both name it "aes". Other architectures say no.
 */
export function hasAesInstructions(cpuinfo: string = readCpuinfo()): boolean {
  return /^(?:flags|Features)\s*:.*\baes\b/m.test(cpuinfo);
}

function readCpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "latin1");
  } catch {
    return ""; // no /proc: the slower cipher is always right
  }
}
