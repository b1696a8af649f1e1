// Links by rtnetlink (linux/if_link.h, rtnetlink.h).
import {
  encodeAttributes,
  decodeAttributes,
  nested,
  readText,
  readU32,
  text,
  u32,
  u8,
} from "./netlink-attributes.ts";
import type { Attribute, Attributes } from "./netlink-attributes.ts";
import type { NetlinkSocket } from "./netlink.ts";
import { AF_INET, AF_INET6 } from "./constants.ts";

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;
const RTM_GETNETCONF = 82;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_TXQLEN = 13;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_AF_SPEC = 26;
const IFLA_EXT_MASK = 29;
const IFLA_INET_CONF = 1;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;
const RTEXT_FILTER_SKIP_STATS = 8;
const IPV4_DEVCONF_RP_FILTER = 8;
const IPV4_DEVCONF_ACCEPT_LOCAL = 23;
const NETCONFA_IFINDEX = 1;
const NETCONFA_RP_FILTER = 3;
const NETCONFA_IFINDEX_ALL = -1;

export const IFF_UP = 0x1;
export const IFF_RUNNING = 0x40;
export const IFF_MULTICAST = 0x1000;
export const ARPHRD_ETHER = 1;
export const ARPHRD_LOOPBACK = 772;

const IFINFOMSG = 16;

export interface LinkRecord {
  readonly index: number;
  readonly name: string;
  readonly hardware: number; // ARPHRD_*
  readonly flags: number; // IFF_*
  readonly mtu: number;
  readonly mac: Uint8Array | undefined;
  readonly master: number | undefined;
  readonly driver: string | undefined; // "bridge", "tun", "veth"; none for hardware
}

/** A link of an RTM_NEWLINK or RTM_DELLINK message; undefined for messages about other families (bridge ports). */
export function decodeLink(payload: Buffer): LinkRecord | undefined {
  if (payload.length < IFINFOMSG || payload[0] !== 0) return undefined;
  const attributes = decodeAttributes(payload.subarray(IFINFOMSG));
  const hardware = payload.readUInt16LE(2);
  const address = attributes.get(IFLA_ADDRESS);
  const info: Attributes = decodeAttributes(attributes.get(IFLA_LINKINFO) ?? Buffer.alloc(0));
  return {
    index: payload.readInt32LE(4),
    name: readText(attributes, IFLA_IFNAME) ?? "",
    hardware,
    flags: payload.readUInt32LE(8),
    mtu: readU32(attributes, IFLA_MTU) ?? 0,
    mac: hardware === ARPHRD_ETHER && address?.length === 6 ? Uint8Array.from(address) : undefined,
    master: readU32(attributes, IFLA_MASTER),
    driver: readText(info, IFLA_INFO_KIND),
  };
}

function linkMessage(index: number, flags: number, change: number, attributes: readonly Attribute[]): Buffer {
  const head = Buffer.alloc(IFINFOMSG);
  head.writeInt32LE(index, 4);
  head.writeUInt32LE(flags >>> 0, 8);
  head.writeUInt32LE(change >>> 0, 12);
  return Buffer.concat([head, encodeAttributes(attributes)]);
}

export function listLinks(netlink: NetlinkSocket): LinkRecord[] {
  const request = linkMessage(0, 0, 0, [[IFLA_EXT_MASK, u32(RTEXT_FILTER_SKIP_STATS)]]);
  return netlink
    .dump("list interfaces", RTM_GETLINK, request)
    .map((message) => decodeLink(message.payload))
    .filter((link) => link !== undefined);
}

/** Throws SystemError ENODEV where there is none of that name. */
export function findLink(netlink: NetlinkSocket, name: string): LinkRecord {
  const request = linkMessage(0, 0, 0, [
    [IFLA_IFNAME, text(name)],
    [IFLA_EXT_MASK, u32(RTEXT_FILTER_SKIP_STATS)],
  ]);
  const [message] = netlink.get(`interface ${name}`, RTM_GETLINK, request);
  const link = message && decodeLink(message.payload);
  if (!link) throw new Error(`interface ${name}: the kernel answered with nothing`);
  return link;
}

export interface LinkSettings {
  readonly mtu?: number;
  readonly queueLength?: number; // packets
  readonly up?: boolean;
  /** IPv6 makes no link-local address of its own on it. */
  readonly noGeneratedAddresses?: boolean;
  /** 0 off, 1 strict, 2 loose (RFC 3704); the kernel applies the larger of this and the setting for all. */
  readonly reversePathFilter?: 0 | 1 | 2;
  /** IPv4 packets may come in from an address of this computer itself. IPv6 has no such check. */
  readonly acceptLocal?: boolean;
}

/** One request for each kind of setting: the kernel refuses IFLA_AF_SPEC for IPv6 while a link is being brought up. */
export function setLink(netlink: NetlinkSocket, index: number, settings: LinkSettings): void {
  const families: Attribute[] = [];
  const inet: Attribute[] = [];
  if (settings.reversePathFilter !== undefined)
    inet.push([IPV4_DEVCONF_RP_FILTER, u32(settings.reversePathFilter)]);
  if (settings.acceptLocal !== undefined)
    inet.push([IPV4_DEVCONF_ACCEPT_LOCAL, u32(settings.acceptLocal ? 1 : 0)]);
  if (inet.length > 0) families.push(nested(AF_INET, [nested(IFLA_INET_CONF, inet)]));
  if (settings.noGeneratedAddresses)
    families.push(nested(AF_INET6, [[IFLA_INET6_ADDR_GEN_MODE, u8(IN6_ADDR_GEN_MODE_NONE)]]));
  const change = (what: string, flags: number, mask: number, attributes: readonly Attribute[]): void =>
    netlink.request(
      `${what} of interface ${index}`,
      RTM_SETLINK,
      0,
      linkMessage(index, flags, mask, attributes),
    );
  if (families.length > 0) change("address settings", 0, 0, [nested(IFLA_AF_SPEC, families)]);
  const plain: Attribute[] = [];
  if (settings.mtu !== undefined) plain.push([IFLA_MTU, u32(settings.mtu)]);
  if (settings.queueLength !== undefined) plain.push([IFLA_TXQLEN, u32(settings.queueLength)]);
  if (plain.length > 0) change("MTU", 0, 0, plain);
  if (settings.up !== undefined) change("state", settings.up ? IFF_UP : 0, IFF_UP, []);
}

export function deleteLink(netlink: NetlinkSocket, index: number): void {
  netlink.request(`remove interface ${index}`, RTM_DELLINK, 0, linkMessage(index, 0, 0, []));
}

/** IPv4 reverse path filtering as it is set for "all" interfaces. */
export function reversePathFilterOfAll(netlink: NetlinkSocket): number {
  const index = Buffer.alloc(4);
  index.writeInt32LE(NETCONFA_IFINDEX_ALL);
  const head = Buffer.of(AF_INET, 0, 0, 0); // struct netconfmsg, padded
  const request = Buffer.concat([head, encodeAttributes([[NETCONFA_IFINDEX, index]])]);
  const [message] = netlink.get("rp_filter", RTM_GETNETCONF, request);
  if (!message) throw new Error("rp_filter: the kernel answered with nothing");
  return readU32(decodeAttributes(message.payload.subarray(4)), NETCONFA_RP_FILTER) ?? 0;
}
