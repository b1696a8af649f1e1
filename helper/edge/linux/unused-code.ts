import { readFileSync, readlinkSync } from "node:fs";
import { madvise } from "./libc.ts";

const MADV_DONTNEED = 4; // asm-generic/mman-common.h

/**
 * Takes the executable's machine code out of this process's memory: what is needed is mapped again when it is next
 * called, from the page cache, and what only the start needed (16 MiB of Node) is not. Returns bytes looked at.
 *
 * Code alone: such pages are never written to, so nothing can be lost with them.
 */
export function releaseUnusedCode(): number {
  const executable = readlinkSync("/proc/self/exe");
  let bytes = 0;
  for (const line of readFileSync("/proc/self/maps", "latin1").split("\n")) {
    const mapping = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \d+ +(.*)$/.exec(line);
    if (!mapping || mapping[3] !== executable) continue;
    const start = Number.parseInt(mapping[1]!, 16);
    const length = Number.parseInt(mapping[2]!, 16) - start;
    if (madvise(start, length, MADV_DONTNEED) === 0) bytes += length;
  }
  return bytes;
}
