// A TUN device without headers in front of its packets and without persistence: for what reads packets one by one, and
// wants them gone with its process.
import type { PlainTun, PlainTunOptions } from "#ports/plain-tun.ts";
import { EINTR } from "./constants.ts";
import { close, ioctl, read, write } from "./libc.ts";
import { NetlinkSocket } from "./netlink.ts";
import { addAddress, deleteAddress } from "./rtnetlink-addresses.ts";
import { findLink, setLink } from "./rtnetlink-links.ts";
import { addRoute, deleteRoute } from "./rtnetlink-routes.ts";
import { attachRequest, openTunDescriptor, TUNSETIFF } from "./tun-descriptor.ts";
import { checked, errno, SystemError } from "./system-error.ts";
import { watchReadable } from "./watch-descriptor.ts";

export function openPlainTun({ name, mtu, queueLength }: PlainTunOptions): PlainTun {
  const fd = openTunDescriptor(name);
  const netlink = new NetlinkSocket();
  let index: number;
  try {
    checked(`TUNSETIFF ${name}`, ioctl(fd, TUNSETIFF, attachRequest(name, 0)));
    ({ index } = findLink(netlink, name));
    setLink(netlink, index, { mtu, queueLength, up: true });
  } catch (error) {
    netlink.close();
    close(fd);
    throw error;
  }
  const buffer = Buffer.allocUnsafeSlow(mtu);
  return {
    name,
    mtu,
    addAddress: (address, prefixLength) => addAddress(netlink, index, { address, prefixLength }),
    removeAddress: (address, prefixLength) =>
      tolerant(() => deleteAddress(netlink, index, { address, prefixLength })),
    addRoute: (prefix) => addRoute(netlink, prefix, index),
    removeRoute: (prefix) => tolerant(() => deleteRoute(netlink, prefix, index)),
    read: () => {
      let length: number;
      do length = read(fd, buffer, buffer.length);
      while (length < 0 && errno() === EINTR);
      return length > 0 ? Uint8Array.from(buffer.subarray(0, length)) : undefined;
    },
    write: (packet) => write(fd, packet, packet.length) === packet.length,
    watch: (readable) => watchReadable(fd, readable),
    close: () => {
      netlink.close();
      close(fd);
    },
  };
}

/** Somebody else may have taken it away already. */
function tolerant(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}
