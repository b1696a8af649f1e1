import type { VifId } from "#protocol/forwarding/route-table.ts";
import type { Address, Family } from "#wire/address.ts";
import type { Core } from "../core.ts";
import type { TunnelVif } from "./tunnel-vif.ts";

/** How a tunnel is, beside how it was set. */
export interface TunnelState {
  /** Why it does not work; undefined: it does. */
  readonly problem: string | undefined;
  readonly peers: readonly string[];
  readonly toPeers: number;
  readonly fromPeers: number;
  readonly drops: Readonly<Record<string, number>>;
}

export interface RunningTunnel {
  state(): TunnelState;
  close(): void;
}

export interface TunnelParts {
  readonly core: Core;
  /** An address of this computer that others may see. */
  readonly ownAddress: (of: Family) => Address | undefined;
  /** Registers a vif; undefined: there are as many as there can be. */
  readonly addVif: (make: (id: VifId) => TunnelVif) => TunnelVif | undefined;
  readonly removeVif: (vif: TunnelVif) => void;
}

/** What failed is tried again. */
export const RETRY_MS = 5_000;

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
