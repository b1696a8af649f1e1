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

/** The drops of a tunnel and of its vifs, together. */
export function allDrops(...parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const part of parts)
    for (const [reason, count] of Object.entries(part)) all[reason] = (all[reason] ?? 0) + count;
  return all;
}
