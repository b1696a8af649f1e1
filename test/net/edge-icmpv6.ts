// ICMPv6 messages as anybody on a link may send them, with any hop limit.
import { readFileSync } from "node:fs";
import { AF_INET6, IPPROTO_IPV6, SOCK_RAW } from "#edge/linux/constants.ts";
import { close, sendto, socket } from "#edge/linux/libc.ts";
import { socketAddress } from "#edge/linux/sockaddr.ts";
import { setOption } from "#edge/linux/socket-options.ts";
import { checked } from "#edge/linux/system-error.ts";
import type { Icmpv6Message } from "#wire/icmpv6.ts";

const IPPROTO_ICMPV6 = 58;
const IPV6_MULTICAST_HOPS = 18;

/** In the namespace that this thread is in, out of an interface of it. */
export function forge6(device: string, to: string, message: Icmpv6Message, hopLimit: number): void {
  const fd = checked("raw socket", socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
  try {
    setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hopLimit, "IPV6_MULTICAST_HOPS");
    const bytes = Buffer.concat([Buffer.of(message.type, message.code, 0, 0), message.body]);
    const address = socketAddress(to, 0, indexIn(device));
    checked("send", sendto(fd, bytes, bytes.length, 0, address, address.length));
  } finally {
    close(fd);
  }
}

/** From the list of IPv6 addresses, which is that of the thread's namespace: sysfs is that of whoever mounted it. */
function indexIn(device: string): number {
  const line = readFileSync("/proc/thread-self/net/if_inet6", "latin1")
    .split("\n")
    .find((one) => one.endsWith(` ${device}`));
  return parseInt(line!.split(/\s+/)[1]!, 16);
}
