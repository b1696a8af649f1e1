// Memory outside V8's heap, at an address that never moves: what structures for system calls may point at.
import koffi from "koffi";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "./constants.ts";
import { mmap, munmap } from "./libc.ts";
import { checked } from "./system-error.ts";

const PAGE = 4096;

export interface NativeMemory {
  readonly address: bigint;
  readonly length: number; // bytes, a whole number of pages
  readonly buffer: ArrayBuffer; // a view of the same bytes; invalid after free()
  free(): void;
}

/**
 * `length` bytes (rounded up to pages) of zeroed, page-aligned memory. It lives until free() or the end of the
 * process: the garbage collector knows nothing of it. No view may be used after free().
 */
export function allocateMemory(length: number): NativeMemory {
  const size = Math.ceil(length / PAGE) * PAGE;
  const at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const address = BigInt(checked("mmap", at));
  return {
    address,
    length: size,
    buffer: koffi.view(address, size),
    free: () => void checked("munmap", munmap(address, size)),
  };
}
