import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address, Family } from "#wire/address.ts";
import type { AmtEndpoint } from "#wire/amt.ts";

export interface AmtRelayOptions {
  /** The relay's unicast addresses, which Advertisements name: of the families that it serves gateways in. */
  readonly addresses: Partial<Readonly<Record<Family, Address>>>;
  readonly maxGateways: number;
  /** From one address: many may be behind one NAT. */
  readonly maxGatewaysPerAddress: number;
  /** Four bytes of a MAC are enough: for gateways that garble the others. */
  readonly shortMac: boolean;
  /** Tell gateways where they are seen (G). Some take no query that does. */
  readonly tellEndpoint: boolean;
}

export const RELAY_DEFAULTS = {
  maxGateways: 4_096,
  maxGatewaysPerAddress: 256,
  shortMac: false,
  tellEndpoint: false,
} as const;

/** Where a datagram came to: which socket, and whether that is of an address that several relays share. */
export interface ArrivedAt {
  readonly socket: number;
  readonly anycast: boolean;
}

export type RelayCommand =
  | {
      readonly type: "send";
      readonly socket: number;
      readonly to: AmtEndpoint;
      readonly datagram: Uint8Array;
    }
  /** A new gateway, or a known one that writes to another socket now, or takes over congestion marks. */
  | {
      readonly type: "gateway";
      readonly id: number;
      readonly endpoint: AmtEndpoint;
      readonly socket: number;
      readonly ecn: boolean;
    }
  | {
      readonly type: "listeners";
      readonly id: number;
      readonly group: Address;
      readonly filter: SourceFilter | undefined;
    }
  | { readonly type: "gateway-gone"; readonly id: number };

/** Why a datagram was dropped. */
export type RelayDrop =
  | "malformed"
  | "unexpected" // a relay's message
  | "to-anycast" // something else than a Discovery: the relay's own address was not asked for before
  | "data-from-gateway" // AMT is one-way
  | "wrong-mac"
  | "no-report"
  | "too-many-gateways"
  | "too-many-updates"
  | "too-many-strangers";
