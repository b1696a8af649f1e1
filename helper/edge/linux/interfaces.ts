// The Links port: this computer's interfaces and what happens to them.
import { existsSync } from "node:fs";
import type { Link, LinkEvent, LinkKind, Links } from "#ports/links.ts";
import { close } from "./libc.ts";
import { NetlinkFormatError } from "./netlink-attributes.ts";
import { NetlinkSocket, openNotifications, readNotifications } from "./netlink.ts";
import type { NetlinkMessage } from "./netlink.ts";
import { decodeAddress, listAddresses, RTM_DELADDR, RTM_NEWADDR } from "./rtnetlink-addresses.ts";
import {
  ARPHRD_ETHER,
  ARPHRD_LOOPBACK,
  decodeLink,
  IFF_MULTICAST,
  IFF_RUNNING,
  IFF_UP,
  listLinks,
  RTM_DELLINK,
  RTM_NEWLINK,
} from "./rtnetlink-links.ts";
import type { LinkRecord } from "./rtnetlink-links.ts";
import { decodeRoute, isDefaultRoute, listRoutes, RTM_DELROUTE, RTM_NEWROUTE } from "./rtnetlink-routes.ts";
import type { RouteRecord } from "./rtnetlink-routes.ts";
import { watchReadable } from "./watch-descriptor.ts";

// linux/rtnetlink.h
const RTMGRP_LINK = 0x1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV4_ROUTE = 0x40;
const RTMGRP_IPV6_IFADDR = 0x100;
const RTMGRP_IPV6_ROUTE = 0x400;
const EVENT_GROUPS =
  RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE;
const BUFFER = 64 * 1024;

export function openLinks(): Links {
  const netlink = new NetlinkSocket();
  return {
    list: () => listInterfaces(netlink),
    watch: watchInterfaces,
    close: () => netlink.close(),
  };
}

export function listInterfaces(netlink: NetlinkSocket): Link[] {
  const addresses = listAddresses(netlink);
  const routes = [...listRoutes(netlink, 4), ...listRoutes(netlink, 6)].filter(isDefaultRoute);
  const defaults = new Set(routes.flatMap((route) => route.interfaces));
  return listLinks(netlink).map((record) => ({
    index: record.index,
    name: record.name,
    kind: kindOf(record),
    up: (record.flags & IFF_UP) !== 0,
    running: (record.flags & IFF_RUNNING) !== 0,
    multicast: (record.flags & IFF_MULTICAST) !== 0,
    mac: record.mac,
    mtu: record.mtu,
    master: record.master,
    addresses: addresses
      .filter((own) => own.index === record.index)
      .map(({ address, prefixLength, scope }) => ({ address, prefixLength, scope })),
    defaultRoute: defaults.has(record.index),
    ...gateway4(routes, record.index),
  }));
}

function gateway4(routes: readonly RouteRecord[], index: number): Pick<Link, "gateway4"> {
  const best = routes
    .filter((route) => route.family === 4 && route.gateway !== undefined && route.interfaces.includes(index))
    .sort((a, b) => a.metric - b.metric)[0];
  return best ? { gateway4: { address: best.gateway!, metric: best.metric } } : {};
}

function kindOf(record: LinkRecord): LinkKind {
  if (record.hardware === ARPHRD_LOOPBACK) return "loopback";
  if (record.driver === "bridge" || record.driver === "vlan" || record.driver === "tun") return record.driver;
  if (record.hardware !== ARPHRD_ETHER) return "other";
  // rtnetlink does not tell wireless interfaces apart; cfg80211 puts this link beside them.
  return existsSync(`/sys/class/net/${record.name}/phy80211`) ? "wifi" : "ethernet";
}

function watchInterfaces(handler: (event: LinkEvent) => void): { close(): void } {
  const fd = openNotifications(EVENT_GROUPS);
  const buffer = Buffer.allocUnsafeSlow(BUFFER);
  const watch = watchReadable(fd, () => {
    for (const event of readEvents(fd, buffer)) handler(event);
  });
  watch.unref();
  return {
    close: () => {
      watch.close();
      close(fd);
    },
  };
}

/** What was lost, or cannot be read, is looked up: "resync". */
function readEvents(fd: number, buffer: Buffer): LinkEvent[] {
  try {
    const messages = readNotifications(fd, buffer);
    if (messages === "lost") return [{ type: "resync" }];
    return messages.map(decodeEvent).filter((event) => event !== undefined);
  } catch (error) {
    if (error instanceof NetlinkFormatError) return [{ type: "resync" }];
    throw error;
  }
}

export function decodeEvent({ type, payload }: NetlinkMessage): LinkEvent | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = decodeLink(payload);
      if (!link) return undefined;
      const { index, name } = link;
      return { type: type === RTM_NEWLINK ? "link-changed" : "link-removed", index, name };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const own = decodeAddress(payload);
      if (!own) return undefined;
      const prefix = { address: own.address, length: own.prefixLength };
      return { type: type === RTM_NEWADDR ? "address-added" : "address-removed", index: own.index, prefix };
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(payload);
      return route && isDefaultRoute(route) ? { type: "default-route-changed" } : undefined;
    }
    default:
      return undefined;
  }
}
