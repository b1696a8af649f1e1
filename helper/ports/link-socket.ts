import type { Address } from "#wire/address.ts";

export interface LinkSocketOptions {
  readonly interfaceIndex: number;
  readonly interfaceName: string;
  readonly group: Address;
  readonly port: number;
  /** Of what is sent to the group: 0 reaches this computer's own programs alone. */
  readonly ttl: number;
  /** true: hears what is sent to the group. false: has a port of its own, and hears what is sent to that. */
  readonly hearsGroup: boolean;
  /** Calls for at most `burst` datagrams come one after the other. */
  readonly received: (
    payload: Uint8Array,
    from: { readonly address: Address; readonly port: number },
  ) => void;
}

/** A UDP socket for one link-local protocol on one interface. Programs of this computer hear what it sends, too. */
export interface LinkSocket {
  /** To the group, or to one address. Lost where the system will not take it. */
  send(payload: Uint8Array, to?: { readonly address: Address; readonly port: number }): void;
  close(): void;
}
