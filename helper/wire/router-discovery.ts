import type { Address, Prefix } from "./address.ts";
import { addressBytes, addressText } from "./address.ts";
import { DecodeError, EncodeError, Reader, Writer } from "./cursor.ts";
import type { Icmpv6Message } from "./icmpv6.ts";

/** ICMPv6 types (RFC 4861 section 4). */
export const RouterDiscoveryType = { SOLICITATION: 133, ADVERTISEMENT: 134 } as const;

/** "For ever", of a lifetime (RFC 4861 section 4.6.2). */
export const INFINITE_LIFETIME = 0xffffffff;

/** RFC 4191 section 2.1. */
export type Preference = "high" | "medium" | "low";

/** Lifetimes are in seconds. */
export interface PrefixInformation {
  readonly prefix: Prefix;
  readonly onLink: boolean;
  readonly autonomous: boolean;
  readonly validLifetime: number;
  readonly preferredLifetime: number;
}

/** RFC 4191 section 2.3. */
export interface RouteInformation {
  readonly prefix: Prefix;
  readonly preference: Preference;
  readonly lifetime: number;
}

/** RFC 4861 section 4.2. Options that are not named here are skipped, as they have to be. */
export interface RouterAdvertisement {
  readonly currentHopLimit: number; // 0: not said
  readonly managed: boolean;
  readonly otherConfiguration: boolean;
  readonly preference: Preference;
  /** Seconds; 0: no default router. */
  readonly routerLifetime: number;
  readonly reachableTime: number; // ms, 0: not said
  readonly retransTimer: number; // ms, 0: not said
  readonly sourceLinkLayer: Uint8Array | undefined; // 6 bytes
  readonly mtu: number | undefined;
  readonly prefixes: readonly PrefixInformation[];
  readonly routes: readonly RouteInformation[];
}

/** RFC 4861 section 4.1. */
export interface RouterSolicitation {
  readonly sourceLinkLayer: Uint8Array | undefined;
}

const Option = { SOURCE_LINK_LAYER: 1, PREFIX: 3, MTU: 5, ROUTE: 24 } as const;
const PREFERENCES: readonly (Preference | undefined)[] = ["medium", "high", undefined, "low"];
const MAC = 6;
const UNIT = 8; // options are measured in 8 bytes

const MANAGED = 0x80;
const OTHER = 0x40;
const ON_LINK = 0x80;
const AUTONOMOUS = 0x40;

/** Throws EncodeError. */
export function encodeRouterAdvertisement(ra: RouterAdvertisement): Icmpv6Message {
  const writer = new Writer(1_400);
  const flags =
    (ra.managed ? MANAGED : 0) | (ra.otherConfiguration ? OTHER : 0) | (preferenceBits(ra.preference) << 3);
  writer
    .u8(ra.currentHopLimit, "current hop limit")
    .u8(flags, "flags")
    .u16(ra.routerLifetime, "router lifetime")
    .u32(ra.reachableTime, "reachable time")
    .u32(ra.retransTimer, "retrans timer");
  if (ra.sourceLinkLayer) {
    if (ra.sourceLinkLayer.length !== MAC)
      throw new EncodeError("link-layer address", ra.sourceLinkLayer.length, MAC);
    writer.u8(Option.SOURCE_LINK_LAYER, "option").u8(1, "option length");
    writer.bytes(ra.sourceLinkLayer, "link-layer address");
  }
  if (ra.mtu !== undefined)
    writer.u8(Option.MTU, "option").u8(1, "option length").zeros(2, "reserved").u32(ra.mtu, "MTU");
  for (const { prefix, onLink, autonomous, validLifetime, preferredLifetime } of ra.prefixes) {
    if (preferredLifetime > validLifetime)
      throw new EncodeError("preferred lifetime", preferredLifetime, validLifetime);
    writer
      .u8(Option.PREFIX, "option")
      .u8(4, "option length")
      .u8(prefix.length, "prefix length")
      .u8((onLink ? ON_LINK : 0) | (autonomous ? AUTONOMOUS : 0), "prefix flags")
      .u32(validLifetime, "valid lifetime")
      .u32(preferredLifetime, "preferred lifetime")
      .zeros(4, "reserved")
      .address(prefix.address, 16, "prefix");
  }
  for (const { prefix, preference, lifetime } of ra.routes) {
    const bytes = prefix.length === 0 ? 0 : prefix.length <= 64 ? 8 : 16;
    writer
      .u8(Option.ROUTE, "option")
      .u8(1 + bytes / UNIT, "option length")
      .u8(prefix.length, "route prefix length")
      .u8(preferenceBits(preference) << 3, "route preference")
      .u32(lifetime, "route lifetime")
      .bytes(addressBytes(prefix.address).subarray(0, bytes), "route prefix");
  }
  return { type: RouterDiscoveryType.ADVERTISEMENT, code: 0, body: writer.done() };
}

/** Undefined: another message. Throws DecodeError for what section 6.1.2 has hosts drop. */
export function decodeRouterAdvertisement(message: Icmpv6Message): RouterAdvertisement | undefined {
  if (message.type !== RouterDiscoveryType.ADVERTISEMENT) return undefined;
  if (message.code !== 0) throw new DecodeError("code of a router advertisement", message.code, 0);
  const reader = new Reader(message.body);
  const currentHopLimit = reader.u8("current hop limit");
  const flags = reader.u8("flags");
  const routerLifetime = reader.u16("router lifetime");
  const reachableTime = reader.u32("reachable time");
  const retransTimer = reader.u32("retrans timer");
  let sourceLinkLayer: Uint8Array | undefined;
  let mtu: number | undefined;
  const prefixes: PrefixInformation[] = [];
  const routes: RouteInformation[] = [];
  for (const { type, bytes } of readOptions(reader)) {
    const option = new Reader(bytes);
    if (type === Option.SOURCE_LINK_LAYER) sourceLinkLayer = linkLayer(bytes);
    else if (type === Option.MTU) {
      option.skip(2, "reserved");
      mtu = option.u32("MTU");
    } else if (type === Option.PREFIX) prefixes.push(readPrefix(option));
    else if (type === Option.ROUTE) {
      const route = readRoute(option, bytes.length - 6);
      if (route) routes.push(route);
    }
  }
  return {
    currentHopLimit,
    managed: (flags & MANAGED) !== 0,
    otherConfiguration: (flags & OTHER) !== 0,
    preference: PREFERENCES[(flags >> 3) & 3] ?? "medium", // RFC 4191 section 2.2: reserved is medium
    routerLifetime,
    reachableTime,
    retransTimer,
    sourceLinkLayer,
    mtu,
    prefixes,
    routes,
  };
}

/** Undefined: another message. Throws DecodeError for what section 6.1.1 has routers drop. */
export function decodeRouterSolicitation(
  message: Icmpv6Message,
  source: Address,
): RouterSolicitation | undefined {
  if (message.type !== RouterDiscoveryType.SOLICITATION) return undefined;
  if (message.code !== 0) throw new DecodeError("code of a router solicitation", message.code, 0);
  const reader = new Reader(message.body);
  reader.skip(4, "reserved");
  let sourceLinkLayer: Uint8Array | undefined;
  for (const { type, bytes } of readOptions(reader))
    if (type === Option.SOURCE_LINK_LAYER) sourceLinkLayer = linkLayer(bytes);
  if (sourceLinkLayer && source === "::")
    throw new DecodeError("link-layer address of a host without an address", "there", "absent");
  return { sourceLinkLayer };
}

export function encodeRouterSolicitation({ sourceLinkLayer }: RouterSolicitation): Icmpv6Message {
  const writer = new Writer(4 + UNIT).zeros(4, "reserved");
  if (sourceLinkLayer)
    writer
      .u8(Option.SOURCE_LINK_LAYER, "option")
      .u8(1, "option length")
      .bytes(sourceLinkLayer, "link-layer address");
  return { type: RouterDiscoveryType.SOLICITATION, code: 0, body: writer.done() };
}

/** Each without its type and length. An option of length 0 condemns the whole message (section 4.6). */
function readOptions(reader: Reader): { readonly type: number; readonly bytes: Uint8Array }[] {
  const rest = new Reader(reader.rest());
  const options: { type: number; bytes: Uint8Array }[] = [];
  while (rest.remaining > 0) {
    const type = rest.u8("option");
    const length = rest.u8("option length");
    if (length === 0) throw new DecodeError("option length", 0, "1 or more");
    options.push({ type, bytes: rest.take(length * UNIT - 2, "option") });
  }
  return options;
}

function linkLayer(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length === MAC ? bytes.slice() : undefined; // of a link that is no Ethernet
}

function readPrefix(option: Reader): PrefixInformation {
  const length = option.u8("prefix length");
  if (length > 128) throw new DecodeError("prefix length", length, 128);
  const flags = option.u8("prefix flags");
  const validLifetime = option.u32("valid lifetime");
  const preferredLifetime = option.u32("preferred lifetime");
  option.skip(4, "reserved");
  return {
    prefix: { address: addressText(masked(option.take(16, "prefix"), length)), length },
    onLink: (flags & ON_LINK) !== 0,
    autonomous: (flags & AUTONOMOUS) !== 0,
    validLifetime,
    preferredLifetime,
  };
}

/** Undefined: to be ignored (RFC 4191 section 2.3: a reserved preference, or a prefix that is cut short). */
function readRoute(option: Reader, available: number): RouteInformation | undefined {
  const length = option.u8("route prefix length");
  const preference = PREFERENCES[(option.u8("route preference") >> 3) & 3];
  const lifetime = option.u32("route lifetime");
  if (length > 128 || preference === undefined || available * 8 < length) return undefined;
  const bytes = masked(option.take(Math.min(16, available), "route prefix"), length);
  return { prefix: { address: addressText(bytes), length }, preference, lifetime };
}

/** 16 bytes, those bits zero that stand behind the prefix: receivers ignore them. */
function masked(prefix: Uint8Array, length: number): Uint8Array {
  const bytes = new Uint8Array(16);
  for (let i = 0; i < prefix.length; i++)
    bytes[i] = prefix[i]! & (0xff00 >> Math.min(8, Math.max(0, length - 8 * i)));
  return bytes;
}

function preferenceBits(preference: Preference): number {
  return PREFERENCES.indexOf(preference);
}
