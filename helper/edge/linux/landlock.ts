// Landlock (landlock(7)): a process gives up the file system, TCP, and signals and connections to other programs of
// this computer, for good and without privileges. It holds for the calling thread and what it starts; Node's other threads run no JavaScript.
import { closeSync, openSync } from "node:fs";
import { errno } from "./system-error.ts";
import { landlockAddRule, landlockCreateRuleset, landlockRestrictSelf } from "./libc.ts";

// asm-generic/unistd.h; the same on every architecture.
const SYS_CREATE_RULESET = 444;
const SYS_ADD_RULE = 445;
const SYS_RESTRICT_SELF = 446;

// linux/landlock.h
const CREATE_RULESET_VERSION = 1;
const RULE_PATH_BENEATH = 1;
const ACCESS_FS_READ_FILE = 1n << 2n;
const ACCESS_FS_READ_DIR = 1n << 3n;
/** Bits of the file system by version of Landlock; later ones add what is of no interest here. */
const ACCESS_FS_BITS = [0, 13, 14, 15, 15, 16];
const ACCESS_NET_BIND_TCP = 1n << 0n;
const ACCESS_NET_CONNECT_TCP = 1n << 1n;
const NET_VERSION = 4;
const SCOPE_ABSTRACT_UNIX_SOCKET = 1n << 0n;
const SCOPE_SIGNAL = 1n << 1n;
const SCOPE_VERSION = 6;

/** 0: this kernel has none, or has it switched off. */
export function landlockVersion(): number {
  return Math.max(0, landlockCreateRuleset(SYS_CREATE_RULESET, null, 0, CREATE_RULESET_VERSION));
}

/**
 * From now on nothing can be written, and nothing read but what is beneath `readable`. Returns whether the kernel
 * does it: not every one has Landlock, or has it switched on. To be called after no_new_privs.
 */
export function restrictSelf(readable: readonly string[]): boolean {
  const version = landlockVersion();
  if (version < 1) return false;
  const bits = ACCESS_FS_BITS[Math.min(version, ACCESS_FS_BITS.length - 1)]!;
  const attributes = new BigUint64Array(3);
  attributes[0] = (1n << BigInt(bits)) - 1n;
  if (version >= NET_VERSION) attributes[1] = ACCESS_NET_BIND_TCP | ACCESS_NET_CONNECT_TCP;
  if (version >= SCOPE_VERSION) attributes[2] = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
  const size = version >= SCOPE_VERSION ? 24 : version >= NET_VERSION ? 16 : 8;
  const ruleset = landlockCreateRuleset(SYS_CREATE_RULESET, new Uint8Array(attributes.buffer), size, 0);
  if (ruleset < 0) return false;
  for (const path of readable) allow(ruleset, path);
  const done = landlockRestrictSelf(SYS_RESTRICT_SELF, ruleset, 0);
  closeSync(ruleset);
  if (done < 0) throw new Error(`landlock_restrict_self: errno ${errno()}`);
  return true;
}

/** What is not there needs no rule. */
function allow(ruleset: number, path: string): void {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return;
  }
  const rule = new DataView(new ArrayBuffer(12));
  rule.setBigUint64(0, ACCESS_FS_READ_FILE | ACCESS_FS_READ_DIR, true);
  rule.setInt32(8, fd, true);
  const added = landlockAddRule(SYS_ADD_RULE, ruleset, RULE_PATH_BENEATH, new Uint8Array(rule.buffer), 0);
  closeSync(fd);
  if (added < 0) throw new Error(`landlock_add_rule: errno ${errno()} for ${path}`);
}
