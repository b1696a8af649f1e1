// The TUN device (Documentation/networking/tuntap.rst, linux/if_tun.h). It is persistent: memberships that programs
// hold on it outlive a service that crashes and starts again.
import { prefixText } from "#wire/address.ts";
import type { TunAddresses, TunDevice } from "#ports/tun-device.ts";
import { VIRTIO_NET_HEADER_LENGTH } from "./constants.ts";
import { close, ioctl, ioctlNumber } from "./libc.ts";
import { NetlinkSocket } from "./netlink.ts";
import { addAddress, deleteAddress, listAddresses } from "./rtnetlink-addresses.ts";
import type { OwnAddress } from "./rtnetlink-addresses.ts";
import { deleteLink, findLink, reversePathFilterOfAll, setLink } from "./rtnetlink-links.ts";
import { configureLans } from "./tun-lans.ts";
import { addRoute, deleteRoute, listRoutes, ROUTE_PROTOCOL, yieldMulticast6 } from "./rtnetlink-routes.ts";
import { checked } from "./system-error.ts";
import { attachRequest, openTunDescriptor, TUNSETIFF } from "./tun-descriptor.ts";

const TUNSETPERSIST = 0x400454cb;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const IFF_VNET_HDR = 0x4000;

export interface TunOptions {
  readonly name: string;
  readonly mtu: number; // bytes, at least 1280 (RFC 8200 section 5)
  readonly queueLength: number; // packets that wait for us in the kernel
}

export const TUN_DEFAULTS: TunOptions = { name: "castaway0", mtu: 1280, queueLength: 4096 };

/**
 * Makes the device, or takes over the one that an earlier process left. Throws SystemError: EBUSY where another
 * process holds it, EPERM without CAP_NET_ADMIN.
 */
export function openTun(options: Partial<TunOptions> = {}): TunDevice {
  const { name, mtu, queueLength } = { ...TUN_DEFAULTS, ...options };
  const fd = openTunDescriptor(name);
  const netlink = new NetlinkSocket();
  try {
    attach(fd, name);
    const { index } = findLink(netlink, name);
    setLink(netlink, index, { mtu, queueLength, noGeneratedAddresses: true });
    // Sources behind the tunnel are not routed through it one by one. Strict filtering would drop them, and the
    // kernel takes the stricter of this setting and the one for all: 0 leaves it off, 2 turns strict into loose.
    const reversePathFilter = reversePathFilterOfAll(netlink) === 0 ? 0 : 2;
    // What a program sends out of a LAN interface is for those on the TUN too, and comes from the LAN's own address.
    setLink(netlink, index, { reversePathFilter, acceptLocal: true, up: true });
    return device(fd, netlink, name, index, mtu);
  } catch (error) {
    netlink.close();
    close(fd);
    throw error;
  }
}

function attach(fd: number, name: string): void {
  checked(`TUNSETIFF ${name}`, ioctl(fd, TUNSETIFF, attachRequest(name, IFF_VNET_HDR)));
  const size = Buffer.alloc(4);
  size.writeInt32LE(VIRTIO_NET_HEADER_LENGTH);
  checked("TUNSETVNETHDRSZ", ioctl(fd, TUNSETVNETHDRSZ, size));
  // Offloads are about what the kernel hands to us: none, so every packet read is whole, its checksum complete.
  // Super-packets that we write (VIRTIO_NET_HDR_GSO_UDP_L4) are taken all the same.
  checked("TUNSETOFFLOAD", ioctlNumber(fd, TUNSETOFFLOAD, 0));
  checked("TUNSETPERSIST", ioctlNumber(fd, TUNSETPERSIST, 1));
}

function device(fd: number, netlink: NetlinkSocket, name: string, index: number, mtu: number): TunDevice {
  const letGo = (): void => {
    netlink.close();
    close(fd);
  };
  return {
    fd,
    name,
    index,
    mtu,
    configure: (config) => configure(netlink, index, config),
    close: letGo,
    remove: () => {
      try {
        configureLans(netlink, index, []); // the rules do not go with the link
        deleteLink(netlink, index);
      } finally {
        letGo();
      }
    },
  };
}

function configure(netlink: NetlinkSocket, index: number, config: TunAddresses): void {
  const key = (own: OwnAddress): string => `${own.address}/${own.prefixLength}`;
  const wanted = new Set(config.addresses.map(key));
  const present = listAddresses(netlink, index);
  // New ones first: an application that sends meanwhile always finds an address.
  for (const own of config.addresses) addAddress(netlink, index, own);
  const surplus = present.filter((own) => !wanted.has(key(own)));
  for (const own of surplus) deleteAddress(netlink, index, own);
  // An IPv4 address in the same network as one that went went with it (net.ipv4.conf.*.promote_secondaries).
  if (surplus.length > 0) for (const own of config.addresses) addAddress(netlink, index, own);

  // Listed anew each time: routes go when an address or the link does.
  const listed = ([4, 6] as const)
    .flatMap((family) => listRoutes(netlink, family))
    .filter((route) => route.interfaces.includes(index));
  const ours = listed.filter((route) => route.protocol === ROUTE_PROTOCOL);
  const held = new Set(ours.map((route) => prefixText(route.destination)));
  for (const prefix of config.routes) if (!held.has(prefixText(prefix))) addRoute(netlink, prefix, index);
  const routes = new Set(config.routes.map(prefixText));
  for (const { destination, metric } of ours)
    if (!routes.has(prefixText(destination))) deleteRoute(netlink, destination, index, { metric });
  yieldMulticast6(netlink, listed, index);
  configureLans(netlink, index, config.lans);
}
