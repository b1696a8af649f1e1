import { SO_RCVBUF, SO_RCVBUFFORCE, SO_SNDBUF, SO_SNDBUFFORCE, SOL_SOCKET } from "./constants.ts";
import { getsockopt, setsockopt } from "./libc.ts";
import { checked } from "./system-error.ts";

/** Sets an int option. `name` is for the error message. Throws SystemError. */
export function setOption(fd: number, level: number, option: number, value: number, name: string): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  setOptionBytes(fd, level, option, bytes, name);
}

export function setOptionBytes(
  fd: number,
  level: number,
  option: number,
  value: Uint8Array,
  name: string,
  remedy?: string,
): void {
  checked(`setsockopt ${name}`, setsockopt(fd, level, option, value, value.length), remedy);
}

export function getOption(fd: number, level: number, option: number, name: string): number {
  const value = Buffer.alloc(4);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(4);
  checked(`getsockopt ${name}`, getsockopt(fd, level, option, value, length));
  return value.readInt32LE();
}

/**
 * Asks for socket buffers of `bytes`, above the system's limit where CAP_NET_ADMIN allows it, else as large as the
 * limit. Returns what the kernel granted for receiving, in bytes as asked for (the kernel doubles it for its own
 * bookkeeping).
 */
export function enlargeBuffers(fd: number, bytes: number): number {
  const value = Buffer.alloc(4);
  value.writeInt32LE(bytes);
  for (const [force, plain, name] of [
    [SO_RCVBUFFORCE, SO_RCVBUF, "SO_RCVBUF"],
    [SO_SNDBUFFORCE, SO_SNDBUF, "SO_SNDBUF"],
  ] as const)
    if (setsockopt(fd, SOL_SOCKET, force, value, 4) < 0) setOption(fd, SOL_SOCKET, plain, bytes, name);
  return getOption(fd, SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF") / 2;
}
