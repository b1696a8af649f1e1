// errno as a typed error for the slow path, with what a person can do about it. The fast path never makes one:
// it calls the raw functions of libc.ts, which return -1, and reads errno().
import koffi from "koffi";

const NAMES = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));

const REMEDIES: Readonly<Record<string, string>> = {
  EPERM: "start the Castaway service as root, or give it CAP_NET_ADMIN and CAP_NET_RAW",
  EACCES: "start the Castaway service as root, or give it CAP_NET_ADMIN and CAP_NET_RAW",
  EADDRINUSE: "another program uses this port: stop it or choose another port",
  EADDRNOTAVAIL: "no interface of this computer has that address",
  EBUSY: "another program holds this device: stop it or choose another name",
  EMFILE: "too many open files: raise LimitNOFILE of the service",
  ENFILE: "too many open files on this computer: raise fs.file-max",
  ENETDOWN: "the interface is down: switch it on",
  ENOBUFS: "a kernel limit is reached: see the limit named in the message",
  ENODEV: "there is no such interface (any more)",
  ENOMEM: "the kernel has no memory left for this",
  ENXIO: "there is no such interface (any more)",
  EAFNOSUPPORT: "this address family is switched off in the kernel",
  EOPNOTSUPP: "this kernel lacks the feature",
};

/** A system call failed. `code` is the name ("EPERM"), `remedy` is a sentence for people, may be empty. */
export class SystemError extends Error {
  override name = "SystemError";
  readonly errno: number;
  readonly code: string;
  readonly syscall: string;
  readonly remedy: string;

  constructor(syscall: string, errno: number, remedy?: string) {
    const code = errnoName(errno);
    const advice = remedy ?? REMEDIES[code] ?? "";
    super(`${syscall}: ${code}${advice ? ` (${advice})` : ""}`);
    this.errno = errno;
    this.code = code;
    this.syscall = syscall;
    this.remedy = advice;
  }
}

export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** errno of this thread's last system call; read it straight after the call. */
export function errno(): number {
  return koffi.errno();
}

/** Passes a system call's result on; throws SystemError where it is negative. `what` names the call for people. */
export function checked(what: string, result: number, remedy?: string): number {
  if (result < 0) throw new SystemError(what, koffi.errno(), remedy);
  return result;
}
