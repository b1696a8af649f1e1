// A socket of an AMT relay: UDP at one address, so that what leaves it comes from there.
import type { OpenRelaySocket } from "#ports/amt-relay.ts";
import { family } from "#wire/address.ts";
import {
  AF_INET,
  AF_INET6,
  IP_MTU_DISCOVER,
  IP_PMTUDISC_DO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_MTU_DISCOVER,
  IPV6_PMTUDISC_DO,
  IPV6_V6ONLY,
  SO_BINDTODEVICE,
  SO_RXQ_OVFL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from "./constants.ts";
import { bind, close, sendto, socket } from "./libc.ts";
import { markAsOwn } from "./own-mark.ts";
import { socketAddress } from "./sockaddr.ts";
import { enlargeBuffers, setOption, setOptionBytes } from "./socket-options.ts";
import { checked } from "./system-error.ts";

/** A burst to a thousand gateways waits here for the interface. */
const BUFFER = 8 << 20;

export const openRelaySocket: OpenRelaySocket = ({ address, port, interfaceName }) => {
  const isIpv4 = family(address) === 4;
  const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = checked("UDP socket", socket(isIpv4 ? AF_INET : AF_INET6, type, 0));
  try {
    // Don't fragment: what is too big for a gateway's path is cut up before it is put into the tunnel, or not sent.
    if (isIpv4) setOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, "IP_MTU_DISCOVER");
    else {
      setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY");
      setOption(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO, "IPV6_MTU_DISCOVER");
    }
    setOption(fd, SOL_SOCKET, SO_RXQ_OVFL, 1, "SO_RXQ_OVFL");
    if (interfaceName !== undefined)
      setOptionBytes(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${interfaceName}\0`), "SO_BINDTODEVICE");
    markAsOwn(fd);
    enlargeBuffers(fd, BUFFER);
    const at = socketAddress(address, port);
    checked(`bind UDP port ${port} of ${address}`, bind(fd, at, at.length));
    return {
      fd,
      send: (to, data) => {
        const name = socketAddress(to.address, to.port);
        return sendto(fd, data, data.length, 0, name, name.length) >= 0;
      },
      close: () => void close(fd),
    };
  } catch (error) {
    close(fd);
    throw error;
  }
};
