// A UDP socket for mDNS or SSDP on one interface, beside whatever other programs have on the same port.
import type { LinkSocket, LinkSocketOptions } from "#ports/link-socket.ts";
import { family } from "#wire/address.ts";
import {
  AF_INET,
  AF_INET6,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  IPV6_V6ONLY,
  OWN_MARK,
  SO_BINDTODEVICE,
  SO_MARK,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from "./constants.ts";
import { bind, close, recvfrom, sendto, socket } from "./libc.ts";
import { joinGroup } from "./multicast-options.ts";
import { decodeSocketAddress, SOCKADDR_IN6_LENGTH, socketAddress } from "./sockaddr.ts";
import { setOption, setOptionBytes } from "./socket-options.ts";
import { checked } from "./system-error.ts";
import { watchReadable } from "./watch-descriptor.ts";

// linux/in.h, in6.h
const IP_TTL = 2;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_ALL = 49;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_ALL = 29;

/** Datagrams read before others have their turn. */
const BURST = 64;
/** RFC 6762 section 17: the longest message. */
const LONGEST = 9_000;
/** RFC 6762 section 11. */
const UNICAST_TTL = 255;

/** Throws SystemError. */
export function openLinkSocket(options: LinkSocketOptions): LinkSocket {
  const { interfaceIndex, interfaceName, group, port, ttl, hearsGroup, received } = options;
  const v4 = family(group) === 4;
  const fd = checked(
    `socket for ${group}`,
    socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
  );
  try {
    // Not the one with a port of its own: what this computer's own programs answer comes by the loopback interface.
    if (hearsGroup)
      setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${interfaceName}\0`), "SO_BINDTODEVICE");
    setOption(fd, SOL_SOCKET, SO_MARK, OWN_MARK, "SO_MARK");
    if (v4) {
      const mreqn = Buffer.alloc(12); // group, own address, interface index
      mreqn.writeInt32LE(interfaceIndex, 8);
      setOptionBytes(fd, IPPROTO_IP, IP_MULTICAST_IF, mreqn, "IP_MULTICAST_IF");
      setOption(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0, "IP_MULTICAST_ALL");
      setOption(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl, "IP_MULTICAST_TTL");
      setOption(fd, IPPROTO_IP, IP_TTL, UNICAST_TTL, "IP_TTL");
      setOption(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1, "IP_MULTICAST_LOOP");
    } else {
      setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY");
      setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, interfaceIndex, "IPV6_MULTICAST_IF");
      setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0, "IPV6_MULTICAST_ALL");
      setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl, "IPV6_MULTICAST_HOPS");
      setOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, UNICAST_TTL, "IPV6_UNICAST_HOPS");
      setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1, "IPV6_MULTICAST_LOOP");
    }
    if (hearsGroup) {
      // Bound to the group, not to any address: unicast to the port stays with the programs that wait for it.
      setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
      const own = socketAddress(group, port, interfaceIndex);
      checked(`bind to ${group} port ${port}`, bind(fd, own, own.length));
      checked(`join ${group}`, joinGroup(fd, interfaceIndex, group));
    } else {
      const any = socketAddress(v4 ? "0.0.0.0" : "::", 0);
      checked("bind", bind(fd, any, any.length));
    }
    const everybody = socketAddress(group, port, interfaceIndex);
    const watch = watchReadable(fd, () => receive(fd, received));
    watch.unref();
    return {
      send: (payload, to) => {
        const address = to ? socketAddress(to.address, to.port, interfaceIndex) : everybody;
        sendto(fd, payload, payload.length, 0, address, address.length);
      },
      close: () => {
        watch.close();
        close(fd);
      },
    };
  } catch (error) {
    close(fd);
    throw error;
  }
}

const buffer = Buffer.alloc(LONGEST + 1);
const from = Buffer.alloc(SOCKADDR_IN6_LENGTH);
const fromLength = Buffer.alloc(4);

function receive(fd: number, received: LinkSocketOptions["received"]): void {
  for (let n = 0; n < BURST; n++) {
    fromLength.writeUInt32LE(from.length);
    const length = recvfrom(fd, buffer, buffer.length, 0, from, fromLength);
    if (length < 0) return; // EAGAIN, or an error that is read away by that
    received(new Uint8Array(buffer.subarray(0, length)), decodeSocketAddress(from));
  }
}
