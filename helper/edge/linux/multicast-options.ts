// The protocol-independent multicast socket options (RFC 3678 section 5, linux/in.h).
import type { GroupFilter } from "#ports/memberships.ts";
import { family } from "#wire/address.ts";
import type { Address } from "#wire/address.ts";
import { IPPROTO_IP, IPPROTO_IPV6 } from "./constants.ts";
import { setsockopt } from "./libc.ts";
import { socketAddress, SOCKADDR_STORAGE_LENGTH } from "./sockaddr.ts";

const MCAST_JOIN_GROUP = 42;
const MCAST_LEAVE_GROUP = 45;
const MCAST_JOIN_SOURCE_GROUP = 46;
const MCAST_MSFILTER = 48;
const MCAST_EXCLUDE = 0;
const MCAST_INCLUDE = 1;

const GROUP_AT = 8; // struct group_req: interface u32, padding to 8, sockaddr_storage

function groupRequest(interfaceIndex: number, addresses: readonly Address[]): Buffer {
  const request = Buffer.alloc(GROUP_AT + addresses.length * SOCKADDR_STORAGE_LENGTH);
  request.writeUInt32LE(interfaceIndex, 0);
  for (const [i, address] of addresses.entries())
    request.set(socketAddress(address, 0), GROUP_AT + i * SOCKADDR_STORAGE_LENGTH);
  return request;
}

function setGroupOption(fd: number, group: Address, option: number, request: Buffer): number {
  return setsockopt(fd, family(group) === 4 ? IPPROTO_IP : IPPROTO_IPV6, option, request, request.length);
}

/** These return 0, or -1 with errno set. */
export function joinGroup(fd: number, interfaceIndex: number, group: Address): number {
  return setGroupOption(fd, group, MCAST_JOIN_GROUP, groupRequest(interfaceIndex, [group]));
}

export function joinSource(fd: number, interfaceIndex: number, group: Address, source: Address): number {
  return setGroupOption(fd, group, MCAST_JOIN_SOURCE_GROUP, groupRequest(interfaceIndex, [group, source]));
}

export function leaveGroup(fd: number, interfaceIndex: number, group: Address): number {
  return setGroupOption(fd, group, MCAST_LEAVE_GROUP, groupRequest(interfaceIndex, [group]));
}

/** Replaces the whole filter of a group that the socket has joined: one change of state, one report. */
export function setSourceFilter(
  fd: number,
  interfaceIndex: number,
  group: Address,
  filter: GroupFilter,
): number {
  // struct group_filter: interface, group, mode u32, count u32, sources
  const tail = Buffer.alloc(8 + filter.sources.size * SOCKADDR_STORAGE_LENGTH);
  tail.writeUInt32LE(filter.mode === "include" ? MCAST_INCLUDE : MCAST_EXCLUDE, 0);
  tail.writeUInt32LE(filter.sources.size, 4);
  let at = 8;
  for (const source of filter.sources) {
    tail.set(socketAddress(source, 0), at);
    at += SOCKADDR_STORAGE_LENGTH;
  }
  const request = Buffer.concat([groupRequest(interfaceIndex, [group]), tail]);
  return setGroupOption(fd, group, MCAST_MSFILTER, request);
}
