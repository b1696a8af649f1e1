import type { Address, Family } from "#wire/address.ts";

/** An (S,G) entry of the kernel's multicast forwarding cache. */
export interface KernelRoute {
  readonly source: Address;
  readonly group: Address;
  /** Where the packets come in: what comes by another interface is not forwarded. */
  readonly inInterface: number;
  /** By interface: packets that came with a higher TTL leave by it. Of IPv6, 1 alone is possible. Empty: none do. */
  readonly out: ReadonlyMap<number, number>;
}

/** Since the entry was made: what came in by the right interface, whether it went on or not. */
export interface KernelCount {
  readonly packets: number;
  readonly bytes: number;
  /** What came in by another one. */
  readonly wrongInterface: number;
}

/** The kernel's multicast router of one family. There is one of them in a network namespace, and one program may have it. */
export interface KernelMulticast {
  /** Throws SystemError where the interface is gone, or there are 32 already. No error where it is one already. */
  addInterface(index: number): void;
  removeInterface(index: number): void;
  /** Makes the entry or replaces it; counts go on. Its interfaces were added. Throws SystemError. */
  setRoute(route: KernelRoute): void;
  removeRoute(source: Address, group: Address): void;
  /** undefined: there is no such entry. */
  count(source: Address, group: Address): KernelCount | undefined;
  /** The kernel forgets everything. */
  close(): void;
}

/** Throws SystemError: EADDRINUSE where another program is the multicast router already. */
export type OpenKernelMulticast = (family: Family) => KernelMulticast;
