import type { Address } from "#wire/address.ts";

/** The same shape as the membership machine's SourceFilter (RFC 9776 section 3.1). */
export interface GroupFilter {
  readonly mode: "include" | "exclude";
  readonly sources: ReadonlySet<Address>;
}

/** How a join stands in the kernel: as asked for, or wider because a kernel limit is in the way. */
export type JoinOutcome = "exact" | "wider";

/** Joins that the kernel makes for us on an interface: its reports are what snooping switches listen to. */
export interface HostJoins {
  /**
   * From now on (interface, group) is wanted as `filter` says; INCLUDE {} leaves. A change goes from the old
   * state to the new one without leaving in between. Throws SystemError (no such interface, out of memory).
   */
  set(interfaceIndex: number, group: Address, filter: GroupFilter): JoinOutcome;
  /** Forgets everything about an interface, there or not. */
  forget(interfaceIndex: number): void;
  close(): void;
}

/** What programs of this computer have joined on an interface, without our own joins. */
export interface LocalMemberships {
  /** The same map as before where nothing has changed. */
  read(interfaceIndex: number): ReadonlyMap<Address, GroupFilter>;
}
