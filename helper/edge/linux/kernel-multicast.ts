// The kernel's multicast router (linux/ipmr.c, ip6mr.c), by its routing socket: who holds it says what is forwarded.
import type { KernelMulticast, OpenKernelMulticast } from "#ports/kernel-multicast.ts";
import type { Family } from "#wire/address.ts";
import { attachFilter } from "./attach-filter.ts";
import { assemble } from "./bpf.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
} from "./constants.ts";
import { close, ioctl, recv, setsockopt, socket } from "./libc.ts";
import {
  MAX_KERNEL_VIFS,
  cacheControl,
  countRequest,
  decodeCount,
  vifControl,
  type CacheEntry,
} from "./multicast-routing-structs.ts";
import { setOptionBytes } from "./socket-options.ts";
import { SystemError, checked } from "./system-error.ts";
import { watchReadable } from "./watch-descriptor.ts";

const IPPROTO_IGMP = 2;
const IPPROTO_ICMPV6 = 58;
const ICMPV6_FILTER = 1;
// linux/mroute.h; those of mroute6.h have the same values.
const MRT_INIT = 200;
const MRT_ADD_VIF = 202;
const MRT_DEL_VIF = 203;
const MRT_ADD_MFC = 204;
const MRT_DEL_MFC = 205;
const SIOCGETSGCNT = 0x89e1;
const ENOSPC = 28;
const HELD =
  "another multicast router (smcrouted, igmpproxy, pimd) uses the kernel's: stop it, or go on without the kernel";
/** Upcalls read away in one turn: a flood must not keep others waiting. */
const AT_ONCE = 64;

/** An upcall stands where an IPv4 packet would, its protocol 0 (struct igmpmsg): IGMP itself is of no use here. */
const UPCALLS = assemble([
  { op: "load-byte", at: 9 },
  { op: "jump-equal", value: 0, no: "drop" },
  { op: "return", value: 0x40000 },
  { op: "label", name: "drop" },
  { op: "return", value: 0 },
]);

export const openKernelMulticast: OpenKernelMulticast = (family) => {
  const what = `multicast routing of IPv${family}`;
  const domain = family === 4 ? AF_INET : AF_INET6;
  const protocol = family === 4 ? IPPROTO_IGMP : IPPROTO_ICMPV6;
  const fd = checked(what, socket(domain, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  try {
    if (family === 4) attachFilter(fd, UPCALLS);
    else setOptionBytes(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, Buffer.alloc(32, 0xff), "ICMPV6_FILTER");
    const one = Buffer.of(1, 0, 0, 0);
    checked(what, setsockopt(fd, levelOf(family), MRT_INIT, one, one.length), HELD);
    return new RoutingSocket(fd, family);
  } catch (error) {
    close(fd);
    throw error;
  }
};

function levelOf(family: Family): number {
  return family === 4 ? IPPROTO_IP : IPPROTO_IPV6;
}

class RoutingSocket implements KernelMulticast {
  readonly #fd: number;
  readonly #family: Family;
  readonly #watch: { close(): void };
  /** Kernel vifs by interface. */
  readonly #vifs = new Map<number, number>();

  constructor(fd: number, family: Family) {
    this.#fd = fd;
    this.#family = family;
    // The kernel asks about each stream that it has no entry for. Who asks it nothing back lets its queue run empty.
    const upcall = Buffer.alloc(64);
    this.#watch = watchReadable(fd, () => {
      for (let n = 0; n < AT_ONCE && recv(fd, upcall, upcall.length, 0) >= 0; n++);
    });
  }

  addInterface(index: number): void {
    if (this.#vifs.has(index)) return;
    const used = new Set(this.#vifs.values());
    let vif = 0;
    while (used.has(vif)) vif++;
    if (vif >= MAX_KERNEL_VIFS) throw new SystemError(`multicast vif ${vif}`, ENOSPC);
    this.#set(MRT_ADD_VIF, vifControl(this.#family, vif, index), `multicast vif of interface ${index}`);
    this.#vifs.set(index, vif);
  }

  removeInterface(index: number): void {
    const vif = this.#vifs.get(index);
    if (vif === undefined) return;
    this.#vifs.delete(index);
    // An interface that has gone took its vif along: then there is nothing to remove, and no error.
    if (this.#family === 4) this.#try(MRT_DEL_VIF, vifControl(4, vif, index));
    else this.#try(MRT_DEL_VIF, Buffer.of(vif, 0, 0, 0));
  }

  setRoute(route: Parameters<KernelMulticast["setRoute"]>[0]): void {
    const { source, group } = route;
    const out = new Map([...route.out].map(([index, ttl]) => [this.#vifOf(index), ttl]));
    const entry: CacheEntry = { source, group, inVif: this.#vifOf(route.inInterface), out };
    this.#set(MRT_ADD_MFC, cacheControl(this.#family, entry), `multicast route of ${source} to ${group}`);
  }

  removeRoute(source: string, group: string): void {
    this.#try(MRT_DEL_MFC, cacheControl(this.#family, { source, group, inVif: 0, out: new Map() }));
  }

  count(source: string, group: string): ReturnType<KernelMulticast["count"]> {
    const request = countRequest(this.#family, source, group);
    return ioctl(this.#fd, SIOCGETSGCNT, request) < 0 ? undefined : decodeCount(request);
  }

  close(): void {
    this.#watch.close();
    close(this.#fd); // as MRT_DONE
  }

  #vifOf(index: number): number {
    const vif = this.#vifs.get(index);
    if (vif === undefined) throw new Error(`interface ${index} is none of the multicast router's`);
    return vif;
  }

  #set(option: number, value: Buffer, name: string): void {
    setOptionBytes(this.#fd, levelOf(this.#family), option, value, name);
  }

  #try(option: number, value: Buffer): void {
    setsockopt(this.#fd, levelOf(this.#family), option, value, value.length);
  }
}
