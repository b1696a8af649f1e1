// Joins that the kernel makes for us (RFC 4605 section 4.1: the host side of a proxy). The kernel speaks IGMP and
// MLD for them, keeps its timers, and snooping switches see reports from a real host.
//
// Limits: a socket joins at most 20 IPv4 groups (igmp_max_memberships) and lists at most 10 IPv4 (igmp_max_msf) or
// 64 IPv6 (mld_max_msf) sources of a group, so joins spread over as many sockets as they need. An INCLUDE list is
// cut into parts, one a socket, and the kernel merges them. An EXCLUDE list cannot be cut: what is beyond the limit
// is not excluded, and the outcome is "wider".
import { readFileSync } from "node:fs";
import type { GroupFilter, HostJoins, JoinOutcome } from "#ports/memberships.ts";
import { family } from "#wire/address.ts";
import type { Address, Family } from "#wire/address.ts";
import { AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6, SOCK_CLOEXEC, SOCK_DGRAM } from "./constants.ts";
import { close, socket } from "./libc.ts";
import type { OwnJoins } from "./memberships.ts";
import { joinGroup, joinSource, leaveGroup, setSourceFilter } from "./multicast-options.ts";
import { setOption } from "./socket-options.ts";
import { checked } from "./system-error.ts";

const IP_MULTICAST_ALL = 49;
const IPV6_MULTICAST_ALL = 29;

interface JoinSocket {
  readonly fd: number;
  readonly family: Family;
  readonly keys: Set<string>; // (interface, group) pairs that it has joined
}

interface Part {
  readonly socket: JoinSocket;
  filter: GroupFilter;
}

export interface JoinLimits {
  readonly groups4: number; // of a socket
  readonly groups6: number;
  readonly sources4: number; // of a group on a socket
  readonly sources6: number;
}

/** IPv6 has no limit of its own but the socket's option memory: 20 KiB at least, some 100 bytes a group. */
const GROUPS6 = 64;

export function readJoinLimits(): JoinLimits {
  const number = (path: string, otherwise: number): number => {
    try {
      return Math.max(1, Number(readFileSync(`/proc/sys/net/${path}`, "latin1")));
    } catch {
      return otherwise;
    }
  };
  return {
    groups4: number("ipv4/igmp_max_memberships", 20),
    groups6: GROUPS6,
    sources4: number("ipv4/igmp_max_msf", 10),
    sources6: number("ipv6/mld_max_msf", 64),
  };
}

export function openHostJoins(limits: JoinLimits = readJoinLimits()): HostJoins & OwnJoins {
  const sockets: JoinSocket[] = [];
  /** By interface, then group. */
  const joins = new Map<number, Map<Address, Part[]>>();
  let changes = 0;

  const socketFor = (of: Family, key: string): JoinSocket => {
    const room = of === 4 ? limits.groups4 : limits.groups6;
    const free = sockets.find((one) => one.family === of && one.keys.size < room && !one.keys.has(key));
    if (free) return free;
    const fd = checked("join socket", socket(of === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    // Never bound to a port, it receives nothing; it is there to hold memberships.
    if (of === 4) setOption(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0, "IP_MULTICAST_ALL");
    else setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0, "IPV6_MULTICAST_ALL");
    const made: JoinSocket = { fd, family: of, keys: new Set() };
    sockets.push(made);
    return made;
  };

  const join = (index: number, group: Address, filter: GroupFilter): Part => {
    const key = `${index} ${group}`;
    const chosen = socketFor(family(group), key);
    const what = `join ${group} on interface ${index}`;
    const [first] = filter.sources;
    if (filter.mode === "include" && first !== undefined)
      checked(what, joinSource(chosen.fd, index, group, first));
    else checked(what, joinGroup(chosen.fd, index, group));
    chosen.keys.add(key);
    const part: Part = { socket: chosen, filter };
    try {
      if (filter.sources.size > (filter.mode === "include" ? 1 : 0)) change(index, group, part, filter);
    } catch (error) {
      leave(index, group, part);
      throw error;
    }
    return part;
  };

  const change = (index: number, group: Address, part: Part, filter: GroupFilter): void => {
    checked(
      `change the sources of ${group} on interface ${index}`,
      setSourceFilter(part.socket.fd, index, group, filter),
    );
    part.filter = filter;
  };

  /** An interface that has gone took its memberships along: then there is nothing to leave, and no error. */
  const leave = (index: number, group: Address, part: Part): void => {
    leaveGroup(part.socket.fd, index, group);
    part.socket.keys.delete(`${index} ${group}`);
    if (part.socket.keys.size > 0) return;
    close(part.socket.fd);
    sockets.splice(sockets.indexOf(part.socket), 1);
  };

  const set = (index: number, group: Address, filter: GroupFilter): JoinOutcome => {
    changes++;
    const groups = joins.get(index) ?? new Map<Address, Part[]>();
    joins.set(index, groups);
    const parts = groups.get(group) ?? [];
    groups.set(group, parts);
    const most = family(group) === 4 ? limits.sources4 : limits.sources6;
    const plan = spread(filter, parts, most);
    try {
      // New sockets first, leaves last, and no source moves from one socket to another: between the steps the
      // kernel's merged state is never narrower than what old and new have in common.
      for (const one of plan.added) parts.push(join(index, group, one));
      for (const [part, one] of plan.kept) if (!sameFilter(part.filter, one)) change(index, group, part, one);
      for (const part of plan.dropped) {
        leave(index, group, part);
        parts.splice(parts.indexOf(part), 1);
      }
      return filter.mode === "exclude" && filter.sources.size > most ? "wider" : "exact";
    } finally {
      if (parts.length === 0) groups.delete(group);
      if (groups.size === 0) joins.delete(index);
    }
  };

  const forget = (index: number): void => {
    changes++;
    for (const [group, parts] of joins.get(index) ?? []) for (const part of parts) leave(index, group, part);
    joins.delete(index);
  };

  return {
    set,
    forget,
    get changes() {
      return changes;
    },
    held: (index) =>
      new Map(
        [...(joins.get(index) ?? [])].map(([group, parts]) => [group, parts.map((part) => part.filter)]),
      ),
    close: () => {
      for (const index of joins.keys()) forget(index);
    },
  };
}

interface Plan {
  readonly added: GroupFilter[]; // one for each further socket
  readonly kept: Map<Part, GroupFilter>;
  readonly dropped: Part[];
}

/** Which of the sockets takes which part of a filter. `most`: sources a socket. INCLUDE {} drops them all. */
function spread(filter: GroupFilter, parts: readonly Part[], most: number): Plan {
  const kept = new Map<Part, GroupFilter>();
  if (filter.mode === "exclude") {
    const whole: GroupFilter = { mode: "exclude", sources: new Set([...filter.sources].slice(0, most)) };
    const [first] = parts;
    if (!first) return { added: [whole], kept, dropped: [] };
    return { added: [], kept: kept.set(first, whole), dropped: parts.slice(1) };
  }
  const homeless = new Set(filter.sources);
  const shares = parts.map((part) => {
    const stay =
      part.filter.mode === "include" ? [...part.filter.sources].filter((s) => homeless.delete(s)) : [];
    return { part, stay };
  });
  const rest = [...homeless];
  for (const { part, stay } of shares) {
    const sources = new Set([...stay, ...rest.splice(0, most - stay.length)]);
    if (sources.size > 0) kept.set(part, { mode: "include", sources });
  }
  const added: GroupFilter[] = [];
  while (rest.length > 0) added.push({ mode: "include", sources: new Set(rest.splice(0, most)) });
  return { added, kept, dropped: parts.filter((part) => !kept.has(part)) };
}

function sameFilter(a: GroupFilter, b: GroupFilter): boolean {
  return (
    a.mode === b.mode && a.sources.size === b.sources.size && [...a.sources].every((s) => b.sources.has(s))
  );
}
