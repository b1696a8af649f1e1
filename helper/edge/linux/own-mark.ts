import { OWN_MARK, SO_MARK, SOL_SOCKET } from "./constants.ts";
import { setsockopt } from "./libc.ts";

/**
 * What the socket sends is the tunnel's own and never enters it, whatever LANs are behind the tunnel (tun-lans.ts).
 * For every socket on which we speak to a member or a meeting point. A service without privileges has no tunnel, and
 * no right to mark.
 */
export function markAsOwn(fd: number): void {
  const mark = Buffer.alloc(4);
  mark.writeUInt32LE(OWN_MARK);
  setsockopt(fd, SOL_SOCKET, SO_MARK, mark, mark.length);
}
