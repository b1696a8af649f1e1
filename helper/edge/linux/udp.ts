// The transport socket: one UDP socket for IPv6 and, as mapped addresses, IPv4.
import type { Datagrams } from "#ports/datagrams.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Address } from "#wire/address.ts";
import {
  AF_INET6,
  IP_MTU_DISCOVER,
  IP_PMTUDISC_PROBE,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  IPV6_MTU_DISCOVER,
  IPV6_PMTUDISC_PROBE,
  IPV6_V6ONLY,
  SO_RXQ_OVFL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  UDP_GRO,
} from "./constants.ts";
import { bind, close, getsockname, sendto, setsockopt, socket } from "./libc.ts";
import { markAsOwn } from "./own-mark.ts";
import { decodeSocketAddress, SOCKADDR_IN6_LENGTH, socketAddress } from "./sockaddr.ts";
import { enlargeBuffers, setOption } from "./socket-options.ts";
import { checked } from "./system-error.ts";

/** Almost all loss of existing tunnels is in a receive queue left at the system's default. */
const BUFFER = 8 << 20;

/** `port` 0: the system chooses. `address`: IPv6, or IPv4 as a mapped one. Throws SystemError: EADDRINUSE, EACCES. */
export function openDatagrams(port: number, address: Address = "::"): Datagrams {
  const fd = checked("UDP socket", socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  try {
    setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0, "IPV6_V6ONLY");
    // Don't fragment, and do not let ICMP decide either: the session probes the path itself (RFC 8899).
    setOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE, "IP_MTU_DISCOVER");
    setOption(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE, "IPV6_MTU_DISCOVER");
    setOption(fd, SOL_SOCKET, SO_RXQ_OVFL, 1, "SO_RXQ_OVFL");
    markAsOwn(fd);
    // Since Linux 5.0; without it datagrams come one by one.
    const on = Buffer.of(1, 0, 0, 0);
    setsockopt(fd, IPPROTO_UDP, UDP_GRO, on, on.length);
    const receiveBuffer = enlargeBuffers(fd, BUFFER);
    const own = socketAddress(address, port);
    checked(`bind UDP port ${port}`, bind(fd, own, own.length));
    return { fd, port: boundPort(fd), receiveBuffer, close: () => void close(fd) };
  } catch (error) {
    close(fd);
    throw error;
  }
}

export function boundPort(fd: number): number {
  const address = Buffer.alloc(SOCKADDR_IN6_LENGTH);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length);
  checked("getsockname", getsockname(fd, address, length));
  return decodeSocketAddress(address).port;
}

/** One datagram out of the transport socket, now or not at all: a full queue or an unreachable network loses it. */
export function sendDatagram(fd: number, to: Endpoint, data: Uint8Array): boolean {
  const address = socketAddress(mapped(to.address), to.port);
  return sendto(fd, data, data.length, 0, address, address.length) >= 0;
}

function mapped(address: Address): Address {
  return address.includes(":") ? address : `::ffff:${address}`;
}
