// An application that sends to a group: one socket, TTL 16 (the kernel's default of 1 goes nowhere).
import { AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6, SOCK_DGRAM } from "#edge/linux/constants.ts";
import { close, sendto, setsockopt, socket } from "#edge/linux/libc.ts";
import { socketAddress } from "#edge/linux/sockaddr.ts";
import { setOption } from "#edge/linux/socket-options.ts";
import { checked } from "#edge/linux/system-error.ts";
import { family } from "#wire/address.ts";
import { indexOf, inside } from "./edge-namespaces.ts";
import { PORT } from "./edge-sockets.ts";

const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const UDP_SEGMENT = 103;
const IPPROTO_UDP = 17;

export interface SendOptions {
  readonly ttl?: number;
  readonly port?: number;
  /** Hand the payload to the kernel to be cut into datagrams of this size. */
  readonly segment?: number;
}

/** Sends the datagrams to `group` (and their `port`), out of `device` of the namespace, from one socket. */
export function sendAll(
  namespace: string,
  device: string,
  group: string,
  datagrams: readonly Uint8Array[],
  { ttl = 16, port = PORT, segment = 0 }: SendOptions = {},
): void {
  const index = indexOf(namespace, device);
  const v4 = family(group) === 4;
  const fd = inside(namespace, () => checked("socket", socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0)));
  try {
    if (v4) {
      const mreqn = Buffer.alloc(12);
      mreqn.writeInt32LE(index, 8);
      checked("IP_MULTICAST_IF", setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, mreqn, mreqn.length));
      setOption(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl, "IP_MULTICAST_TTL");
    } else {
      setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index, "IPV6_MULTICAST_IF");
      setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl, "IPV6_MULTICAST_HOPS");
    }
    if (segment > 0) setOption(fd, IPPROTO_UDP, UDP_SEGMENT, segment, "UDP_SEGMENT");
    const to = socketAddress(group, port);
    for (const bytes of datagrams)
      checked(`send to ${group}`, sendto(fd, bytes, bytes.length, 0, to, to.length));
  } finally {
    close(fd);
  }
}

/** `count` datagrams of `size` bytes (4 or more), no two alike. */
export function numbered(count: number, size: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const bytes = Buffer.alloc(size, i & 255);
    bytes.writeUInt32BE(i, 0);
    return bytes;
  });
}
