// Socket addresses as the kernel's structures (linux/in.h, in6.h, if_packet.h, netlink.h).
import { addressBytes, addressText, family } from "#wire/address.ts";
import type { Address } from "#wire/address.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET } from "./constants.ts";

export const SOCKADDR_IN_LENGTH = 16;
export const SOCKADDR_IN6_LENGTH = 28;
/** struct sockaddr_storage: what multicast options carry an address in. */
export const SOCKADDR_STORAGE_LENGTH = 128;

/** sockaddr_in or sockaddr_in6 by the address' family. `scope` is an interface index, of use for IPv6 alone. */
export function socketAddress(address: Address, port: number, scope = 0): Buffer {
  const bytes = addressBytes(address);
  if (family(address) === 4) {
    const out = Buffer.alloc(SOCKADDR_IN_LENGTH);
    out.writeUInt16LE(AF_INET, 0);
    out.writeUInt16BE(port, 2);
    out.set(bytes, 4);
    return out;
  }
  const out = Buffer.alloc(SOCKADDR_IN6_LENGTH);
  out.writeUInt16LE(AF_INET6, 0);
  out.writeUInt16BE(port, 2);
  out.set(bytes, 8);
  out.writeUInt32LE(scope, 24);
  return out;
}

/** The port and address of a sockaddr_in or sockaddr_in6. */
export function decodeSocketAddress(from: Buffer): { address: Address; port: number } {
  const v4 = from.readUInt16LE(0) === AF_INET;
  return {
    port: from.readUInt16BE(2),
    address: addressText(v4 ? from.subarray(4, 8) : from.subarray(8, 24)),
  };
}

/** sockaddr_ll for bind(2) of an AF_PACKET socket. */
export function packetAddress(ethertype: number, interfaceIndex: number): Buffer {
  const out = Buffer.alloc(20);
  out.writeUInt16LE(AF_PACKET, 0);
  out.writeUInt16BE(ethertype, 2);
  out.writeInt32LE(interfaceIndex, 4);
  return out;
}

/** sockaddr_nl; `groups` is the bit mask of the old multicast groups (RTMGRP_*). */
export function netlinkAddress(groups: number): Buffer {
  const out = Buffer.alloc(12);
  out.writeUInt16LE(AF_NETLINK, 0);
  out.writeUInt32LE(groups >>> 0, 8);
  return out;
}
