import { SO_ATTACH_FILTER, SOL_SOCKET } from "./constants.ts";
import { allocateMemory } from "./memory.ts";
import { setOptionBytes } from "./socket-options.ts";

const SOCK_FILTER = 8;

/** struct sock_fprog points at the instructions, so they stand in memory that does not move. */
export function attachFilter(fd: number, program: Buffer): void {
  const memory = allocateMemory(program.length);
  try {
    new Uint8Array(memory.buffer).set(program);
    const prog = Buffer.alloc(16);
    prog.writeUInt16LE(program.length / SOCK_FILTER, 0);
    prog.writeBigUInt64LE(memory.address, 8);
    setOptionBytes(fd, SOL_SOCKET, SO_ATTACH_FILTER, prog, "SO_ATTACH_FILTER");
  } finally {
    memory.free();
  }
}
