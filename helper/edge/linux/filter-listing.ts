import { AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_DGRAM } from "./constants.ts";
import { close, socket } from "./libc.ts";
import { joinSource } from "./multicast-options.ts";

const LOOPBACK_INDEX = 1; // in every network namespace
const OURS = [
  { af: AF_INET, group: "232.255.255.254", source: "127.0.0.1", row: "0xe8fffffe 0x7f000001" },
  { af: AF_INET6, group: "ff31::8000:1", source: "::1", row: "ff310000000000000000000080000001" },
] as const;

/**
 * Makes the kernel's lists of source filters whole (/proc/net/mcfilter and mcfilter6). They begin with the newest group
 * of an interface, and as long as that one names no sources the whole interface is left out (igmp_mcf_get_first in the
 * kernel's net/ipv4/igmp.c, and its twin for IPv6): after a program joined any other group, nobody could tell what the
 * source-specific ones are for. Behind the first interface whose newest group does name one, nothing is left out. So we
 * hold such a group where nobody else joins anything and no packet leaves: on loopback, the first interface.
 */
export class FilterListing {
  readonly #held = new Map<string, number>(); // sockets by group

  /** `texts`: of IPv4 and IPv6, as read. True: they were not whole, and may be now. */
  complete(texts: readonly [string, string]): boolean {
    let isRenewed = false;
    for (const [i, ours] of OURS.entries())
      if (!texts[i]!.includes(ours.row) && this.#renew(ours)) isRenewed = true;
    return isRenewed;
  }

  /** Joined anew it is the newest. False where that cannot be: no such family, no memory for it. */
  #renew({ af, group, source }: (typeof OURS)[number]): boolean {
    const before = this.#held.get(group);
    if (before !== undefined) close(before);
    this.#held.delete(group);
    const fd = socket(af, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    this.#held.set(group, fd);
    return joinSource(fd, LOOPBACK_INDEX, group, source) === 0;
  }
}
