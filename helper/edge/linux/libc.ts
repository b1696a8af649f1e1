// The C library's functions that Castaway needs, bound once. All of them are raw: they return what the system
// call returns (-1 and errno() on failure) and allocate nothing, so the fast path can call them per burst.
// The slow path wraps a call in checked() (system-error.ts).
import { endianness } from "node:os";
import koffi from "koffi";

// Every structure for the kernel is written little-endian, the order of all machines that Castaway is built for.
if (endianness() !== "LE") throw new Error("Castaway does not run on big-endian machines");

/**
 * Memory handed to a system call: an address, or a typed array (its first byte). An address is the cheaper of the
 * two by about a third and is what the fast path uses; a typed array is kept alive by the call itself alone, so
 * never put a typed array's address into a structure that outlives the call: use memory.ts there.
 */
export type Pointer = bigint | Uint8Array | Int32Array | Uint32Array | BigUint64Array | null;

const library = koffi.load(null);

type Vectored = (fd: number, iovecs: Pointer, count: number) => number;
type Transfer = (fd: number, data: Pointer, length: number) => number;
type Message = (fd: number, msghdr: Pointer, flags: number) => number;
type Messages = (fd: number, mmsghdrs: Pointer, count: number, flags: number) => number;

/** poll(2); timeout in milliseconds, -1 waits for ever. Blocks the calling thread. */
export const poll: (pollfds: Pointer, count: number, timeout: number) => number = library.func(
  "int poll(void *fds, unsigned long count, int timeout)",
);
export const read: Transfer = library.func("intptr_t read(int fd, void *data, size_t length)");
export const write: Transfer = library.func("intptr_t write(int fd, void *data, size_t length)");
export const readv: Vectored = library.func("intptr_t readv(int fd, void *iovecs, int count)");
export const writev: Vectored = library.func("intptr_t writev(int fd, void *iovecs, int count)");
export const recvmsg: Message = library.func("intptr_t recvmsg(int fd, void *msghdr, int flags)");
export const sendmsg: Message = library.func("intptr_t sendmsg(int fd, void *msghdr, int flags)");
export const sendmmsg: Messages = library.func(
  "int sendmmsg(int fd, void *mmsghdrs, unsigned int count, int flags)",
);
/** Without the timeout argument, which is of no use (it is looked at after each datagram only: recvmmsg(2), BUGS). */
export const recvmmsg: Messages = ((): Messages => {
  const raw = library.func(
    "int recvmmsg(int fd, void *mmsghdrs, unsigned int count, int flags, void *timeout)",
  );
  return (fd, mmsghdrs, count, flags) => raw(fd, mmsghdrs, count, flags, null);
})();
export const sendto: (
  fd: number,
  data: Pointer,
  length: number,
  flags: number,
  address: Pointer,
  addressLength: number,
) => number = library.func(
  "intptr_t sendto(int fd, void *data, size_t length, int flags, void *address, unsigned int addressLength)",
);
/** `addressLength` is in and out: a 4-byte array. */
export const recvfrom: (
  fd: number,
  data: Pointer,
  length: number,
  flags: number,
  address: Pointer,
  addressLength: Pointer,
) => number = library.func(
  "intptr_t recvfrom(int fd, void *data, size_t length, int flags, void *address, void *addressLength)",
);
export const recv: (fd: number, data: Pointer, length: number, flags: number) => number = library.func(
  "intptr_t recv(int fd, void *data, size_t length, int flags)",
);

export const socket: (family: number, type: number, protocol: number) => number = library.func(
  "int socket(int family, int type, int protocol)",
);
export const bind: (fd: number, address: Pointer, length: number) => number = library.func(
  "int bind(int fd, void *address, unsigned int length)",
);
export const listen: (fd: number, backlog: number) => number = library.func(
  "int listen(int fd, int backlog)",
);
export const connect: (fd: number, address: Pointer, length: number) => number = library.func(
  "int connect(int fd, void *address, unsigned int length)",
);
/** `length` is in and out: a 4-byte array. */
export const accept4: (fd: number, address: Pointer, length: Pointer, flags: number) => number = library.func(
  "int accept4(int fd, void *address, void *length, int flags)",
);
export const socketpair: (family: number, type: number, protocol: number, fds: Int32Array) => number =
  library.func("int socketpair(int family, int type, int protocol, void *fds)");
/** `length` is in and out: a 4-byte array. */
export const getsockname: (fd: number, address: Pointer, length: Pointer) => number = library.func(
  "int getsockname(int fd, void *address, void *length)",
);
export const setsockopt: (
  fd: number,
  level: number,
  option: number,
  value: Pointer,
  length: number,
) => number = library.func("int setsockopt(int fd, int level, int option, void *value, unsigned int length)");
/** `length` is in and out: a 4-byte array. */
export const getsockopt: (
  fd: number,
  level: number,
  option: number,
  value: Pointer,
  length: Pointer,
) => number = library.func("int getsockopt(int fd, int level, int option, void *value, void *length)");

// open, ioctl and fcntl are variadic in C; Linux' calling conventions pass their arguments like any others'.
/** `path` ends with a zero byte. */
export const open: (path: Pointer, flags: number, mode: number) => number = library.func(
  "int open(void *path, int flags, int mode)",
);
export const close: (fd: number) => number = library.func("int close(int fd)");
export const ioctl: (fd: number, request: number, argument: Pointer) => number = library.func(
  "int ioctl(int fd, unsigned long request, void *argument)",
);
/** ioctl(2) with a number as its argument (TUNSETPERSIST, TUNSETOFFLOAD). */
export const ioctlNumber: (fd: number, request: number, argument: number) => number = library.func(
  "ioctl",
  "int",
  ["int", "unsigned long", "unsigned long"],
);
export const fcntl: (fd: number, command: number, argument: number) => number = library.func(
  "int fcntl(int fd, int command, int argument)",
);
export const eventfd: (initial: number, flags: number) => number = library.func(
  "int eventfd(unsigned int initial, int flags)",
);
/** `timespec`: two 64-bit integers, seconds and nanoseconds. */
export const clockGettime: (clock: number, timespec: BigInt64Array) => number = library.func(
  "int clock_gettime(int clock, void *timespec)",
);
export const timerfdCreate: (clock: number, flags: number) => number = library.func(
  "int timerfd_create(int clock, int flags)",
);
/** `itimerspec`: four 64-bit integers. */
export const timerfdSettime: (fd: number, flags: number, itimerspec: BigInt64Array, before: null) => number =
  library.func("int timerfd_settime(int fd, int flags, void *itimerspec, void *before)");
/** Returns the address, or -1. */
export const mmap: (
  address: number,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => number = library.func(
  "intptr_t mmap(size_t address, size_t length, int protection, int flags, int fd, int64_t offset)",
);
export const munmap: (address: bigint, length: number) => number = library.func(
  "int munmap(void *address, size_t length)",
);
export const madvise: (address: number, length: number, advice: number) => number = library.func(
  "int madvise(size_t address, size_t length, int advice)",
);

// prctl(2) and capset(2) act on the calling thread alone: privileges.ts says what follows from that.
export const prctl: (option: number, a: number, b: number, c: number, d: number) => number = library.func(
  "int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)",
);
export const capset: (header: Pointer, data: Pointer) => number = library.func(
  "int capset(void *header, void *data)",
);

// landlock(7) has no functions in the C library. Each call's number is the first argument.
export const landlockCreateRuleset: (
  call: number,
  attributes: Pointer,
  size: number,
  flags: number,
) => number = library.func("syscall", "long", ["long", "void *", "size_t", "unsigned int"]);
export const landlockAddRule: (
  call: number,
  ruleset: number,
  type: number,
  attributes: Pointer,
  flags: number,
) => number = library.func("syscall", "long", ["long", "int", "int", "void *", "unsigned int"]);
export const landlockRestrictSelf: (call: number, ruleset: number, flags: number) => number = library.func(
  "syscall",
  "long",
  ["long", "int", "unsigned int"],
);
