import type { Socket } from "node:net";
import { IPPROTO_TCP } from "./constants.ts";
import { setOption } from "./socket-options.ts";

const TCP_USER_TIMEOUT = 18;

/**
 * A TCP connection ends when what was written to it is not acknowledged for `ms`; by itself it would be tried for a
 * quarter of an hour. Throws SystemError; does nothing for a socket that is closed already.
 */
export function setUserTimeout(socket: Socket, ms: number): void {
  const handle = Reflect.get(socket, "_handle") as { fd?: number } | null | undefined; // as in peer-credentials.ts
  const fd = handle?.fd;
  if (fd !== undefined && fd >= 0) setOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ms, "TCP_USER_TIMEOUT");
}
