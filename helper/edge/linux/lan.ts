// A LAN interface as the fast path sees it: an AF_PACKET socket (packet(7)) and the two loop sockets.
import type { Lan } from "#ports/lan.ts";
import type { Link } from "#ports/links.ts";
import {
  AF_PACKET,
  ETH_P_ALL,
  OWN_MARK,
  SO_MARK,
  SO_RXQ_OVFL,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from "./constants.ts";
import { attachFilter } from "./attach-filter.ts";
import { lanFilter } from "./lan-filter.ts";
import { bind, close, socket } from "./libc.ts";
import { openLoop4, openLoop6 } from "./loop-sockets.ts";
import { packetAddress } from "./sockaddr.ts";
import { enlargeBuffers, setOption, setOptionBytes } from "./socket-options.ts";
import { checked } from "./system-error.ts";

// linux/if_packet.h, socket.h
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_VNET_HDR = 15;
const PACKET_MR_ALLMULTI = 2;

const BUFFER = 8 << 20;

/**
 * Opens the interface. Throws SystemError, and Error where it is none that carries Ethernet frames. In full mode the
 * interface receives all multicast as long as the socket is open.
 */
export function openLan(link: Pick<Link, "index" | "name" | "mac" | "mtu">, mode: "full" | "local"): Lan {
  const { index, name, mac, mtu } = link;
  if (!mac) throw new Error(`${name} is no Ethernet-like interface`);
  const opened: number[] = [];
  const keep = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    return {
      fd: keep(openCapture(index, mode)),
      loop4: keep(openLoop4(link)),
      loop6: keep(openLoop6(link)),
      interfaceIndex: index,
      mac,
      mtu,
      mode,
      leaveToKernel: (streams) => attachFilter(opened[0]!, lanFilter(mode, streams)),
      close: () => opened.forEach((fd) => close(fd)),
    };
  } catch (error) {
    opened.forEach((fd) => close(fd));
    throw error;
  }
}

function openCapture(index: number, mode: "full" | "local"): number {
  // Protocol 0 receives nothing until bind(2) names one: nothing slips past the filter.
  const fd = checked("packet socket", socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  try {
    attachFilter(fd, lanFilter(mode));
    setOption(fd, SOL_PACKET, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR");
    setOption(fd, SOL_SOCKET, SO_MARK, OWN_MARK, "SO_MARK");
    setOption(fd, SOL_SOCKET, SO_RXQ_OVFL, 1, "SO_RXQ_OVFL");
    enlargeBuffers(fd, BUFFER);
    const address = packetAddress(ETH_P_ALL, index);
    checked(`bind to interface ${index}`, bind(fd, address, address.length));
    if (mode === "full") {
      const request = Buffer.alloc(16); // struct packet_mreq
      request.writeInt32LE(index, 0);
      request.writeUInt16LE(PACKET_MR_ALLMULTI, 4);
      setOptionBytes(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, request, "PACKET_MR_ALLMULTI");
    }
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}
