// The UDP socket of an AMT gateway's tunnel: IPv6 and, as mapped addresses, IPv4.
import type { Datagrams } from "#ports/datagrams.ts";
import {
  AF_INET6,
  IP_RECVTOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  IPV6_RECVTCLASS,
  IPV6_V6ONLY,
  SO_RXQ_OVFL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  UDP_GRO,
  UDP_NO_CHECK6_RX,
} from "./constants.ts";
import { bind, close, setsockopt, socket } from "./libc.ts";
import { markAsOwn } from "./own-mark.ts";
import { socketAddress } from "./sockaddr.ts";
import { enlargeBuffers, setOption } from "./socket-options.ts";
import { checked } from "./system-error.ts";
import { boundPort } from "./udp.ts";

const BUFFER = 4 << 20;

/** `port` 0: the system chooses. Throws SystemError: EADDRINUSE, EMFILE. */
export function openAmtSocket(port: number): Datagrams {
  const fd = checked("UDP socket", socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  try {
    setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0, "IPV6_V6ONLY");
    setOption(fd, SOL_SOCKET, SO_RXQ_OVFL, 1, "SO_RXQ_OVFL");
    // Congestion marks of the way through the tunnel are the stream's (RFC 9601).
    setOption(fd, IPPROTO_IP, IP_RECVTOS, 1, "IP_RECVTOS");
    setOption(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1, "IPV6_RECVTCLASS");
    // RFC 7450: relays may leave the checksum of multicast data out, over IPv6 too (RFC 6935).
    setOption(fd, IPPROTO_UDP, UDP_NO_CHECK6_RX, 1, "UDP_NO_CHECK6_RX");
    markAsOwn(fd);
    // Since Linux 5.0; without it datagrams come one by one.
    const on = Buffer.of(1, 0, 0, 0);
    setsockopt(fd, IPPROTO_UDP, UDP_GRO, on, on.length);
    const receiveBuffer = enlargeBuffers(fd, BUFFER);
    const any = socketAddress("::", port);
    checked(`bind UDP port ${port}`, bind(fd, any, any.length));
    return { fd, port: boundPort(fd), receiveBuffer, close: () => void close(fd) };
  } catch (error) {
    close(fd);
    throw error;
  }
}
