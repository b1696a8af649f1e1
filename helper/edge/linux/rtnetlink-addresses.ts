// Addresses of interfaces by rtnetlink (linux/if_addr.h).
import { addressBytes, addressText, family } from "#wire/address.ts";
import type { LinkAddress } from "#ports/links.ts";
import { AF_INET, AF_INET6 } from "./constants.ts";
import { decodeAttributes, encodeAttributes, u32 } from "./netlink-attributes.ts";
import type { Attribute } from "./netlink-attributes.ts";
import { NLM_F_CREATE, NLM_F_REPLACE } from "./netlink.ts";
import type { NetlinkSocket } from "./netlink.ts";

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;

const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;

const IFADDRMSG = 8;

export interface AddressRecord extends LinkAddress {
  readonly index: number;
}

export function decodeAddress(payload: Buffer): AddressRecord | undefined {
  if (payload.length < IFADDRMSG || (payload[0] !== AF_INET && payload[0] !== AF_INET6)) return undefined;
  const attributes = decodeAttributes(payload.subarray(IFADDRMSG));
  // IFA_LOCAL is the interface's own address; IFA_ADDRESS is the peer's on a point-to-point link.
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (bytes?.length !== (payload[0] === AF_INET ? 4 : 16)) return undefined;
  const scope = payload[3]!;
  return {
    index: payload.readUInt32LE(4),
    address: addressText(bytes),
    prefixLength: payload[1]!,
    scope: scope >= RT_SCOPE_HOST ? "host" : scope >= RT_SCOPE_LINK ? "link" : "global",
  };
}

function addressMessage(index: number, { address, prefixLength }: OwnAddress): Buffer {
  const bytes = addressBytes(address);
  const head = Buffer.alloc(IFADDRMSG);
  head[0] = family(address) === 4 ? AF_INET : AF_INET6;
  head[1] = prefixLength;
  head[3] = address.startsWith("fe80:") || address.startsWith("169.254.") ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  head.writeUInt32LE(index, 4);
  const attributes: Attribute[] = [
    [IFA_LOCAL, bytes],
    [IFA_ADDRESS, bytes],
  ];
  // The tunnel's addresses are given out by one host: there is nobody to ask about duplicates.
  if (family(address) === 6) attributes.push([IFA_FLAGS, u32(IFA_F_NODAD)]);
  return Buffer.concat([head, encodeAttributes(attributes)]);
}

export interface OwnAddress {
  readonly address: string;
  readonly prefixLength: number;
}

/** All addresses, or those of one interface. */
export function listAddresses(netlink: NetlinkSocket, index = 0): AddressRecord[] {
  const head = Buffer.alloc(IFADDRMSG);
  head.writeUInt32LE(index, 4);
  return netlink
    .dump("list addresses", RTM_GETADDR, head)
    .map((message) => decodeAddress(message.payload))
    .filter((record) => record !== undefined && (index === 0 || record.index === index))
    .filter((record) => record !== undefined);
}

/** Adds an address, or leaves it as it is where it is there already. */
export function addAddress(netlink: NetlinkSocket, index: number, own: OwnAddress): void {
  netlink.request(
    `add address ${own.address}/${own.prefixLength}`,
    RTM_NEWADDR,
    NLM_F_CREATE | NLM_F_REPLACE,
    addressMessage(index, own),
  );
}

export function deleteAddress(netlink: NetlinkSocket, index: number, own: OwnAddress): void {
  netlink.request(
    `remove address ${own.address}/${own.prefixLength}`,
    RTM_DELADDR,
    0,
    addressMessage(index, own),
  );
}
