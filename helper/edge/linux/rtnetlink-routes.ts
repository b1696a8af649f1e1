// Routes by rtnetlink (linux/rtnetlink.h).
import { addressBytes, addressText, family, isMulticast, prefixText } from "#wire/address.ts";
import type { Address, Family, Prefix } from "#wire/address.ts";
import { AF_INET, AF_INET6 } from "./constants.ts";
import { decodeAttributes, encodeAttributes, readU32, u32 } from "./netlink-attributes.ts";
import type { Attribute } from "./netlink-attributes.ts";
import { NLM_F_CREATE, NLM_F_REPLACE } from "./netlink.ts";
import type { NetlinkSocket } from "./netlink.ts";

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;

const RTN_UNICAST = 1;
const RTN_MULTICAST = 5;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;
const RT_TABLE_COMPAT = 252; // in the header's byte, for numbers that do not fit it
/** Our routes carry this rtm_protocol, by which a restarted service knows them again. Not in rt_protos. */
export const ROUTE_PROTOCOL = 0x63;
/** Before the kernel's own multicast routes (256) and DHCP's defaults. */
const METRIC = 64;
/**
 * Of IPv4's unicast: Linux keeps the way out once for all routes that are alike but for their prefix, with the kind of
 * the packet that came first. After a program has sent to a group, UDP and ping to members would go with TTL 1.
 */
const METRIC_UNICAST4 = 65;
/** Behind them. */
const LAST_METRIC = 4096;
const ALL_MULTICAST6: Prefix = { address: "ff00::", length: 8 };
const RTPROT_KERNEL = 2;

const RTMSG = 12;
const RTNH = 8; // struct rtnexthop: length u16, flags u8, hops u8, ifindex i32

export interface RouteRecord {
  readonly family: Family;
  readonly destination: Prefix;
  readonly table: number;
  readonly type: number;
  readonly protocol: number;
  readonly metric: number;
  readonly interfaces: readonly number[]; // one, or several of a multipath route
  readonly gateway: Address | undefined; // of the same family; not of a multipath route
}

export function decodeRoute(payload: Buffer): RouteRecord | undefined {
  if (payload.length < RTMSG || (payload[0] !== AF_INET && payload[0] !== AF_INET6)) return undefined;
  const attributes = decodeAttributes(payload.subarray(RTMSG));
  const bytes = payload[0] === AF_INET ? 4 : 16;
  const destination = attributes.get(RTA_DST) ?? new Uint8Array(bytes);
  if (destination.length !== bytes) return undefined;
  const gateway = attributes.get(RTA_GATEWAY);
  const interfaces: number[] = [];
  const oif = readU32(attributes, RTA_OIF);
  if (oif !== undefined) interfaces.push(oif);
  const hops = attributes.get(RTA_MULTIPATH) ?? Buffer.alloc(0);
  for (let at = 0; at + RTNH <= hops.length;) {
    interfaces.push(hops.readInt32LE(at + 4));
    at += Math.max(RTNH, (hops.readUInt16LE(at) + 3) & ~3);
  }
  return {
    family: bytes === 4 ? 4 : 6,
    destination: {
      address: addressText(destination),
      length: payload[1]!,
    },
    table: readU32(attributes, RTA_TABLE) ?? payload[4]!,
    protocol: payload[5]!,
    type: payload[7]!,
    metric: readU32(attributes, RTA_PRIORITY) ?? 0,
    interfaces,
    gateway: gateway?.length === bytes ? addressText(gateway) : undefined,
  };
}

export function isDefaultRoute(route: RouteRecord): boolean {
  return route.destination.length === 0 && route.type === RTN_UNICAST && route.table === RT_TABLE_MAIN;
}

interface RouteOptions {
  readonly metric?: number;
  readonly protocol?: number;
  /** Without it, the one in which the prefix has an effect. */
  readonly table?: number;
  /** What programs send from that do not choose. An address of this computer. */
  readonly source?: Address;
}

/**
 * IPv6 multicast is looked up in table local first, where every interface has ff00::/8 for itself; only there does
 * a longer prefix win, for sends as well as for joins that name no interface. IPv4 has nothing in the way in main.
 */
function routeMessage(prefix: Prefix, interfaceIndex: number, options: RouteOptions = {}): Buffer {
  const multicast = isMulticast(prefix.address);
  const v6 = family(prefix.address) === 6;
  const usual = v6 || multicast ? METRIC : METRIC_UNICAST4;
  const { metric = usual, protocol = ROUTE_PROTOCOL, table: of, source } = options;
  const table = of ?? (v6 && multicast ? RT_TABLE_LOCAL : RT_TABLE_MAIN);
  const head = Buffer.alloc(RTMSG);
  head[0] = v6 ? AF_INET6 : AF_INET;
  head[1] = prefix.length;
  head[4] = table < 256 ? table : RT_TABLE_COMPAT;
  head[5] = protocol;
  head[6] = v6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  head[7] = v6 && multicast ? RTN_MULTICAST : RTN_UNICAST;
  const attributes: Attribute[] = [
    [RTA_DST, addressBytes(prefix.address)],
    [RTA_OIF, u32(interfaceIndex)],
    [RTA_PRIORITY, u32(metric)],
    [RTA_TABLE, u32(table)],
  ];
  if (source !== undefined) attributes.push([RTA_PREFSRC, addressBytes(source)]);
  return Buffer.concat([head, encodeAttributes(attributes)]);
}

/** All routes of a family in tables main and local. */
export function listRoutes(netlink: NetlinkSocket, of: Family): RouteRecord[] {
  return dumpRoutes(netlink, of).filter(({ table }) => table === RT_TABLE_MAIN || table === RT_TABLE_LOCAL);
}

export function listTable(netlink: NetlinkSocket, of: Family, table: number): RouteRecord[] {
  return dumpRoutes(netlink, of).filter((route) => route.table === table);
}

function dumpRoutes(netlink: NetlinkSocket, of: Family): RouteRecord[] {
  const head = Buffer.alloc(RTMSG);
  head[0] = of === 4 ? AF_INET : AF_INET6;
  return netlink
    .dump("list routes", RTM_GETROUTE, head)
    .map((message) => decodeRoute(message.payload))
    .filter((route) => route !== undefined);
}

/** A route to a prefix out of an interface, in the table where it has an effect. */
export function addRoute(
  netlink: NetlinkSocket,
  prefix: Prefix,
  interfaceIndex: number,
  options: RouteOptions = {},
): void {
  const flags = NLM_F_CREATE | NLM_F_REPLACE;
  netlink.request(
    `add route ${prefixText(prefix)}`,
    RTM_NEWROUTE,
    flags,
    routeMessage(prefix, interfaceIndex, options),
  );
}

export function deleteRoute(
  netlink: NetlinkSocket,
  prefix: Prefix,
  interfaceIndex: number,
  options: RouteOptions = {},
): void {
  netlink.request(
    `remove route ${prefixText(prefix)}`,
    RTM_DELROUTE,
    0,
    routeMessage(prefix, interfaceIndex, options),
  );
}

/**
 * Puts an interface last of those that IPv6 multicast may leave by. Every interface has ff00::/8 from the kernel, with
 * one metric; the oldest one wins, so a LAN interface that went down and came up would lose to ours. Names of
 * interfaces still work. `routes`: those that are there.
 */
export function yieldMulticast6(
  netlink: NetlinkSocket,
  routes: readonly RouteRecord[],
  interfaceIndex: number,
): void {
  const all = routes.filter(
    ({ destination, interfaces, table }) =>
      prefixText(destination) === prefixText(ALL_MULTICAST6) &&
      interfaces.includes(interfaceIndex) &&
      table === RT_TABLE_LOCAL,
  );
  const replace = (type: number, flags: number, options: { metric: number; protocol: number }): void =>
    netlink.request(
      "replace route ff00::/8",
      type,
      flags,
      routeMessage(ALL_MULTICAST6, interfaceIndex, options),
    );
  if (!all.some(({ metric }) => metric === LAST_METRIC))
    replace(RTM_NEWROUTE, NLM_F_CREATE, { metric: LAST_METRIC, protocol: RTPROT_KERNEL });
  for (const { metric, protocol } of all)
    if (metric < LAST_METRIC) replace(RTM_DELROUTE, 0, { metric, protocol });
}
