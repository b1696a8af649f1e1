// Router discovery on one interface, by a raw ICMPv6 socket. The kernel makes and checks the checksums.
import type { OpenRouterSocket } from "#ports/router-socket.ts";
import { RouterDiscoveryType } from "#wire/router-discovery.ts";
import { attachFilter } from "./attach-filter.ts";
import { assemble } from "./bpf.ts";
import {
  AF_INET6,
  EAGAIN,
  IPPROTO_IPV6,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from "./constants.ts";
import { close, recvfrom, sendto, socket } from "./libc.ts";
import { joinGroup } from "./multicast-options.ts";
import { NetlinkSocket } from "./netlink.ts";
import { findLink } from "./rtnetlink-links.ts";
import { decodeSocketAddress, SOCKADDR_IN6_LENGTH, socketAddress } from "./sockaddr.ts";
import { setOption, setOptionBytes } from "./socket-options.ts";
import { checked, errno } from "./system-error.ts";
import { watchReadable } from "./watch-descriptor.ts";

const IPPROTO_ICMPV6 = 58;
const IPV6_MULTICAST_HOPS = 18;
const HOP_LIMIT = 255;
const ALL_NODES = "ff02::1";
const ALL_ROUTERS = "ff02::2";
const MAX_MESSAGE = 2_048;
/** Messages taken in one turn: a flood must not keep the others waiting. */
const AT_ONCE = 32;
/** The start of the network header (linux/filter.h, SKF_NET_OFF); the hop limit is its eighth byte. */
const HOP_LIMIT_AT = -0x10_0000 + 7;

export const openRouterSocket: OpenRouterSocket = (interfaceName, received) => {
  const netlink = new NetlinkSocket();
  const index = ((): number => {
    try {
      return findLink(netlink, interfaceName).index;
    } finally {
      netlink.close();
    }
  })();
  const what = `router socket on ${interfaceName}`;
  const fd = checked(what, socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6));
  try {
    // Before anything can come in: it would be there unfiltered.
    attachFilter(fd, SOLICITATIONS);
    setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${interfaceName}\0`), "SO_BINDTODEVICE");
    setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index, "IPV6_MULTICAST_IF");
    setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOP_LIMIT, "IPV6_MULTICAST_HOPS");
    setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0, "IPV6_MULTICAST_LOOP");
    checked("join ff02::2", joinGroup(fd, index, ALL_ROUTERS));
    const message = Buffer.alloc(MAX_MESSAGE);
    const from = Buffer.alloc(SOCKADDR_IN6_LENGTH);
    const fromLength = Buffer.alloc(4);
    const watch = watchReadable(fd, () => {
      for (let n = 0; n < AT_ONCE; n++) {
        fromLength.writeUInt32LE(from.length);
        const length = recvfrom(fd, message, message.length, 0, from, fromLength);
        if (length < 0 && errno() === EAGAIN) return;
        if (length < 4) continue; // an error of the interface, read away; no message is that short
        const body = Uint8Array.from(message.subarray(4, length));
        received({ type: message[0]!, code: message[1]!, body }, decodeSocketAddress(from).address);
      }
    });
    watch.unref();
    const to = socketAddress(ALL_NODES, 0, index);
    return {
      send: ({ type, code, body }) => {
        const bytes = Buffer.concat([Buffer.of(type, code, 0, 0), body]);
        return sendto(fd, bytes, bytes.length, 0, to, to.length) === bytes.length;
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
};

const SOLICITATIONS = assemble([
  { op: "load-byte", at: HOP_LIMIT_AT },
  { op: "jump-equal", value: HOP_LIMIT, no: "drop" },
  { op: "load-byte", at: 0 },
  { op: "jump-equal", value: RouterDiscoveryType.SOLICITATION, yes: "accept", no: "drop" },
  { op: "label", name: "accept" },
  { op: "return", value: MAX_MESSAGE },
  { op: "label", name: "drop" },
  { op: "return", value: 0 },
]);
