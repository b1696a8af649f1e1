// How a packet of the tunnel reaches this computer's own sockets that joined its group on a LAN interface. Frames
// that AF_PACKET puts on the wire are not looped back; but a multicast packet that a raw socket sends with TTL (hop
// limit) 0 is: the kernel's ip_mc_output and ip6_finish_output2 deliver a copy to local members, as received on the
// interface and whatever its source address, and then drop the original because its TTL says "not beyond this host".
import {
  AF_INET,
  AF_INET6,
  IP_HDRINCL,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_RAW,
  IPV6_HDRINCL,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  OWN_MARK,
  SO_BINDTODEVICE,
  SO_MARK,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from "./constants.ts";
import { close, socket } from "./libc.ts";
import { enlargeBuffers, setOption, setOptionBytes } from "./socket-options.ts";
import { checked } from "./system-error.ts";

const IPPROTO_RAW_FLAGS = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
const BUFFER = 4 << 20;

export interface LoopInterface {
  readonly index: number;
  readonly name: string;
}

/** Raw IPv4 socket, whole packets with header, bound to the interface. See Lan.loop4 for how to send. */
export function openLoop4(link: LoopInterface): number {
  return openLoop(AF_INET, link, (fd) => {
    const mreqn = Buffer.alloc(12); // group, own address, interface index
    mreqn.writeInt32LE(link.index, 8);
    setOption(fd, IPPROTO_IP, IP_HDRINCL, 1, "IP_HDRINCL");
    setOptionBytes(fd, IPPROTO_IP, IP_MULTICAST_IF, mreqn, "IP_MULTICAST_IF");
    setOption(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1, "IP_MULTICAST_LOOP");
  });
}

/** Raw IPv6 socket, whole packets with header, bound to the interface. */
export function openLoop6(link: LoopInterface): number {
  return openLoop(AF_INET6, link, (fd) => {
    setOption(fd, IPPROTO_IPV6, IPV6_HDRINCL, 1, "IPV6_HDRINCL");
    setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, link.index, "IPV6_MULTICAST_IF");
    setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1, "IPV6_MULTICAST_LOOP");
  });
}

function openLoop(family: number, link: LoopInterface, configure: (fd: number) => void): number {
  const fd = checked(`raw socket for ${link.name}`, socket(family, IPPROTO_RAW_FLAGS, IPPROTO_RAW));
  try {
    const device = Buffer.from(`${link.name}\0`);
    setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, device, "SO_BINDTODEVICE");
    setOption(fd, SOL_SOCKET, SO_MARK, OWN_MARK, "SO_MARK");
    configure(fd);
    enlargeBuffers(fd, BUFFER);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}
