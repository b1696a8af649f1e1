// The calls that the fast path makes for every burst or packet, with addresses as plain numbers (user space ends
// below 2^47, so they are exact). A computed address costs about 50 ns less this way than as a BigInt through
// `void *`, and nothing is allocated for it. Everything else goes through libc.ts and evp.ts.
import koffi from "koffi";

const library = koffi.load(null);

export const pollAt: (pollfds: number, count: number, timeout: number) => number = library.func(
  "int poll(size_t fds, unsigned long count, int timeout)",
);
/** `timeout` is the address of a struct timespec. */
export const ppollAt: (pollfds: number, count: number, timeout: number, signals: number) => number =
  library.func("int ppoll(size_t fds, unsigned long count, size_t timeout, size_t signals)");
export const readAt: (fd: number, data: number, length: number) => number = library.func(
  "intptr_t read(int fd, size_t data, size_t length)",
);
export const writeAt: (fd: number, data: number, length: number) => number = library.func(
  "intptr_t write(int fd, size_t data, size_t length)",
);
export const writevAt: (fd: number, iovecs: number, count: number) => number = library.func(
  "intptr_t writev(int fd, size_t iovecs, int count)",
);
export const sendAt: (fd: number, data: number, length: number, flags: number) => number = library.func(
  "intptr_t send(int fd, size_t data, size_t length, int flags)",
);
/** `timeout` is the address of a struct timespec; 0 for none. */
export const recvmmsgAt: (
  fd: number,
  mmsghdrs: number,
  count: number,
  flags: number,
  timeout: number,
) => number = library.func(
  "int recvmmsg(int fd, size_t mmsghdrs, unsigned int count, int flags, size_t timeout)",
);
export const sendmmsgAt: (fd: number, mmsghdrs: number, count: number, flags: number) => number =
  library.func("int sendmmsg(int fd, size_t mmsghdrs, unsigned int count, int flags)");

type Initialise = (context: number, cipher: number, engine: number, key: number, iv: number) => number;
type Update = (context: number, out: number, outLength: number, data: number, length: number) => number;
type Finalise = (context: number, out: number, outLength: number) => number;

/** As in evp.ts; 0 stands for a null pointer. */
export interface EvpByAddress {
  readonly encryptInit: Initialise;
  readonly encryptUpdate: Update;
  readonly encryptFinal: Finalise;
  readonly decryptInit: Initialise;
  readonly decryptUpdate: Update;
  readonly decryptFinal: Finalise;
  readonly contextControl: (context: number, control: number, argument: number, data: number) => number;
}

/** Call loadEvp() first: it throws EvpMissingError, with words, where Node does not export these. */
export function loadEvpByAddress(): EvpByAddress {
  const init = "(size_t context, size_t cipher, size_t engine, size_t key, size_t iv)";
  const update = "(size_t context, size_t out, size_t outLength, size_t data, int length)";
  const final = "(size_t context, size_t out, size_t outLength)";
  return {
    encryptInit: library.func(`int EVP_EncryptInit_ex${init}`),
    encryptUpdate: library.func(`int EVP_EncryptUpdate${update}`),
    encryptFinal: library.func(`int EVP_EncryptFinal_ex${final}`),
    decryptInit: library.func(`int EVP_DecryptInit_ex${init}`),
    decryptUpdate: library.func(`int EVP_DecryptUpdate${update}`),
    decryptFinal: library.func(`int EVP_DecryptFinal_ex${final}`),
    contextControl: library.func(
      "int EVP_CIPHER_CTX_ctrl(size_t context, int control, int argument, size_t data)",
    ),
  };
}
