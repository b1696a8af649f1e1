// What systemd is told of the service (sd_notify(3)): a datagram to the Unix socket that NOTIFY_SOCKET names. Node has no
// datagrams for Unix sockets.
import { AF_UNIX, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM } from "./constants.ts";
import { close, sendto, socket } from "./libc.ts";
import { checked } from "./system-error.ts";

/** sun_path of sockaddr_un, with the zero byte at its end. */
const PATH_BYTES = 108;

/** "READY=1": it answers from now on. "STOPPING=1": it does not any more. */
export type ServiceState = "READY=1" | "STOPPING=1";

/**
 * `place`: NOTIFY_SOCKET, a path or "@" and an abstract name; without one there is nobody to tell. Throws SystemError where
 * nobody listens there, and Error for what is no such place.
 */
export function tellServiceManager(state: ServiceState, place: string | undefined): void {
  if (place === undefined) return;
  const address = unixAddress(place);
  const fd = checked("socket", socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    const bytes = Buffer.from(state);
    checked("sendto", sendto(fd, bytes, bytes.length, MSG_DONTWAIT, address, address.length));
  } finally {
    close(fd);
  }
}

/** sockaddr_un: of a path with its zero byte, of an abstract name without one. */
export function unixAddress(place: string): Uint8Array {
  const name = /^[@/]/.test(place) ? Buffer.from(place.replace(/^@/, "\0")) : Buffer.alloc(0);
  if (name.length < 2 || name.length >= PATH_BYTES || name.indexOf(0, 1) >= 0)
    throw new Error(`NOTIFY_SOCKET is no Unix socket's place: ${place}`);
  const end = name[0] === 0 ? [] : [0];
  return Uint8Array.from([AF_UNIX, 0, ...name, ...end]);
}
