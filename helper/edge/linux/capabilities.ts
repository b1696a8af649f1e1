// Capability sets of the calling thread (capabilities(7)).
import { readFileSync } from "node:fs";
import { capset, prctl } from "./libc.ts";
import { checked } from "./system-error.ts";

export const CAP_SETGID = 6;
export const CAP_SETUID = 7;
export const CAP_SETPCAP = 8;
export const CAP_NET_BIND_SERVICE = 10;
export const CAP_NET_ADMIN = 12;
export const CAP_NET_RAW = 13;

// linux/prctl.h
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const CAPABILITY_VERSION_3 = 0x20080522;

/** Bit masks. */
export interface CapabilityState {
  readonly inheritable: bigint;
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
  readonly noNewPrivileges: boolean;
}

export function capabilityMask(...capabilities: readonly number[]): bigint {
  return capabilities.reduce((mask, capability) => mask | (1n << BigInt(capability)), 0n);
}

/** Those that a mask has. */
export function capabilityNumbers(mask: bigint): number[] {
  return Array.from({ length: 64 }, (_, capability) => capability).filter(
    (capability) => mask & (1n << BigInt(capability)),
  );
}

/** From a /proc/PID/status. Throws where a field is missing. */
export function parseCapabilities(status: string): CapabilityState {
  const field = (name: string): string => {
    const value = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1];
    if (value === undefined) throw new Error(`/proc/PID/status without ${name}`);
    return value;
  };
  const mask = (name: string): bigint => BigInt(`0x${field(name)}`);
  return {
    inheritable: mask("CapInh"),
    permitted: mask("CapPrm"),
    effective: mask("CapEff"),
    bounding: mask("CapBnd"),
    ambient: mask("CapAmb"),
    noNewPrivileges: field("NoNewPrivs") === "1",
  };
}

export function ownCapabilities(): CapabilityState {
  return parseCapabilities(readFileSync("/proc/thread-self/status", "latin1"));
}

/** Takes everything but `keep` out of the bounding set. Needs CAP_SETPCAP. */
export function limitBoundingSet(keep: bigint): void {
  for (let capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if (!(keep & (1n << BigInt(capability))))
      checked("PR_CAPBSET_DROP", prctl(PR_CAPBSET_DROP, capability, 0, 0, 0));
}

/** Makes permitted, effective and inheritable exactly `mask`. */
export function setCapabilities(mask: bigint): void {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION_3, 0);
  const data = Buffer.alloc(24);
  for (let at = 0; at < 12; at += 4) {
    data.writeUInt32LE(Number(mask & 0xffffffffn), at);
    data.writeUInt32LE(Number(mask >> 32n), at + 12);
  }
  checked("capset", capset(header, data));
}

/** Ambient capabilities outlive execve(2). They must be permitted and inheritable. */
export function raiseAmbient(...capabilities: readonly number[]): void {
  for (const capability of capabilities)
    checked("PR_CAP_AMBIENT_RAISE", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0));
}

/** No program that this thread executes inherits a capability. */
export function lowerAmbient(): void {
  checked("PR_CAP_AMBIENT_CLEAR_ALL", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
}
