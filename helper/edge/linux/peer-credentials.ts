import type { Socket } from "node:net";
import { SO_PEERCRED, SOL_SOCKET } from "./constants.ts";
import { getsockopt } from "./libc.ts";
import { checked } from "./system-error.ts";

/** Who connected to a Unix socket, as the kernel knows it: at the time of connect(2), whatever they became later. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Throws SystemError, and Error for a socket that has been closed. */
export function peerCredentials(socket: Socket): PeerCredentials {
  // net.Socket has no public way to its descriptor; _handle.fd has been there since Node 0.x.
  const handle = Reflect.get(socket, "_handle") as { fd?: number } | null | undefined;
  const fd = handle?.fd;
  if (fd === undefined || fd < 0) throw new Error("the connection is closed: nobody is at the other end");
  const credentials = Buffer.alloc(12);
  const length = Buffer.of(12, 0, 0, 0);
  checked("SO_PEERCRED", getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length));
  return {
    pid: credentials.readInt32LE(0),
    uid: credentials.readUInt32LE(4),
    gid: credentials.readUInt32LE(8),
  };
}
