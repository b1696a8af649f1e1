// What crosses a network at the moment, seen from this computer.
import type { Group, Snapshot } from "#contract/snapshot.ts";

export interface StreamSum {
  readonly streams: number;
  readonly bitsPerSecond: number;
}

export interface NetworkTraffic {
  /** Entered by one of the network's members. */
  readonly received: StreamSum;
  /** Entered elsewhere, and left to one of its members. */
  readonly sent: StreamSum;
}

export function networkTraffic(snapshot: Snapshot, networkId: string): NetworkTraffic {
  const peers = new Set(snapshot.vifs.filter((vif) => vif.networkId === networkId).map((vif) => vif.name));
  const live = snapshot.groups.filter((group) => group.rateBps > 0);
  return {
    received: sum(live.filter((group) => enters(group, peers))),
    sent: sum(
      live.filter((group) => !enters(group, peers) && group.listeners.some(({ vif }) => peers.has(vif))),
    ),
  };
}

function enters(group: Group, vifs: ReadonlySet<string>): boolean {
  return group.inVif !== null && vifs.has(group.inVif);
}

function sum(groups: readonly Group[]): StreamSum {
  return {
    streams: groups.length,
    bitsPerSecond: groups.reduce((total, group) => total + group.rateBps, 0),
  };
}
