import type { Address } from "#wire/address.ts";

/** Looks whether packets of one stream come in by an interface from its network. */
export interface StreamWatch {
  /** Since the last call, or the start. */
  seen(): boolean;
  close(): void;
}

/** Throws SystemError. */
export type WatchStream = (interfaceIndex: number, source: Address, group: Address) => StreamWatch;
