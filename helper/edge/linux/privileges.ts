// From root to CAP_NET_ADMIN and CAP_NET_RAW alone (and, where it is there, CAP_NET_BIND_SERVICE), or to nothing.
//
// Capabilities belong to threads, and by the time that any JavaScript runs Node has several of them. So the main
// thread reduces itself and then executes the same command line again in place: execve(2) ends all other threads,
// and every thread made after it starts with what is left. Descriptors are lost on the way: call it first.
import { readFileSync } from "node:fs";
import {
  CAP_NET_ADMIN,
  CAP_NET_BIND_SERVICE,
  CAP_NET_RAW,
  CAP_SETGID,
  CAP_SETUID,
  CAP_SETPCAP,
  capabilityMask,
  capabilityNumbers,
  limitBoundingSet,
  lowerAmbient,
  ownCapabilities,
  raiseAmbient,
  setCapabilities,
} from "./capabilities.ts";
import type { CapabilityState } from "./capabilities.ts";
import { prctl } from "./libc.ts";
import { checked } from "./system-error.ts";

// linux/prctl.h, securebits.h
const PR_SET_KEEPCAPS = 8;
const PR_SET_SECUREBITS = 28;
const PR_SET_NO_NEW_PRIVS = 38;
const SECBIT_NOROOT = 1; // user 0 gets no capabilities for being user 0
const SECBIT_NOROOT_LOCKED = 2;

const KEEP = capabilityMask(CAP_NET_ADMIN, CAP_NET_RAW);
/** For TLS on port 443, should somebody switch it on; a service goes without where it was not given. */
const BIND = capabilityMask(CAP_NET_BIND_SERVICE);
const SETPCAP = capabilityMask(CAP_SETPCAP);
/** Set for the second run, so that a system on which this does not work shows an error and not a loop. */
const MARKER = "CASTAWAY_PRIVILEGES_REDUCED";
/** One heap for all threads (mallopt(3)): a few MiB less, and what is fast does not allocate. */
const MEMORY = { MALLOC_ARENA_MAX: "1" };

export class PrivilegeError extends Error {
  override name = "PrivilegeError";
}

/** No capability but `keep` in any set, and no way to get more. The bounding set matters only to who could widen. */
export function isReduced(state: CapabilityState, keep: bigint = KEEP): boolean {
  const within = (mask: bigint): boolean => (mask & ~keep) === 0n;
  return (
    state.permitted === keep &&
    state.effective === keep &&
    within(state.inheritable) &&
    within(state.ambient) &&
    state.noNewPrivileges
  );
}

/** May this process open network devices, or become one that may? */
export function hasNetworkPrivileges(): boolean {
  return (ownCapabilities().permitted & KEEP) === KEEP;
}

/** May this process start others as another user? Not any more once it is reduced. */
export function canBecomeOthers(): boolean {
  const wanted = capabilityMask(CAP_SETGID, CAP_SETUID);
  return (ownCapabilities().effective & wanted) === wanted;
}

export interface ReduceOptions {
  /** Which capabilities stay: those for network devices and low ports (without it), or none. */
  readonly keep?: "network" | "none";
  /** Become this user as well; without it the user stays (root without root's powers, but with root's files). */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/**
 * Returns where the process has what it keeps and nothing else already (its own second run, or a service manager
 * that starts it so); otherwise reduces the process and runs it anew: does not return then. Throws PrivilegeError
 * where the two are not to be had, SystemError where the kernel refuses a step.
 */
export function reducePrivileges(options: ReduceOptions = {}): void {
  const before = ownCapabilities();
  const keep = options.keep === "none" ? 0n : KEEP | (before.permitted & BIND);
  // An ordinary user has nothing to give up.
  if (isReduced(before, keep) || (keep === 0n && before.permitted === 0n)) {
    delete process.env[MARKER]; // not for programs that we start
    return;
  }
  if ((before.permitted & keep) !== keep)
    throw new PrivilegeError(
      "Castaway's service needs CAP_NET_ADMIN and CAP_NET_RAW: start it as root, or by its systemd unit",
    );
  if (process.env[MARKER] !== undefined)
    throw new PrivilegeError(
      `privileges could not be reduced on this system: permitted ${before.permitted.toString(16)}, effective ` +
        `${before.effective.toString(16)}, no_new_privs ${before.noNewPrivileges ? 1 : 0}`,
    );
  if (!process.execve) throw new PrivilegeError("this Node has no process.execve: 22.15 or later is needed");
  reduceThread(before, keep, options);
  process.execve(process.execPath, commandLine(), { ...process.env, ...MEMORY, [MARKER]: "1" });
}

function reduceThread(before: CapabilityState, keep: bigint, { user }: ReduceOptions): void {
  if (before.effective & SETPCAP) {
    limitBoundingSet(keep);
    checked("PR_SET_SECUREBITS", prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0));
  }
  if (user) {
    // The change of user takes the effective set away, and without this the permitted one too.
    checked("PR_SET_KEEPCAPS", prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    process.setgroups!([user.gid]);
    process.setgid!(user.gid);
    process.setuid!(user.uid);
  }
  setCapabilities(keep);
  if (keep & KEEP) raiseAmbient(CAP_NET_ADMIN, CAP_NET_RAW);
  if (keep & BIND) raiseAmbient(CAP_NET_BIND_SERVICE);
  forbidNewPrivileges();
}

/** No program that this thread starts gains anything by a file's mode or capabilities. Cannot be taken back. */
export function forbidNewPrivileges(): void {
  checked("PR_SET_NO_NEW_PRIVS", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/**
 * Starts a program that gets none of our capabilities: ambient ones are what it would inherit. \`start\` must have
 * executed it when it returns, as spawn has.
 */
export function withoutCapabilities<Started>(start: () => Started): Started {
  const { ambient } = ownCapabilities();
  if (ambient === 0n) return start();
  lowerAmbient();
  try {
    return start();
  } finally {
    raiseAmbient(...capabilityNumbers(ambient));
  }
}

/** As it was given, Node's own options included, whether the program is a script or a single executable. */
function commandLine(): string[] {
  return readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
}
