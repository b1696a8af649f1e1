import type { Vif } from "#contract/snapshot.ts";

const NO_TRAFFIC = { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0 };

export function fakePeerVif(name: string, networkId: string, memberNumber: number): Vif {
  return {
    id: memberNumber + 10,
    name,
    kind: "peer",
    mode: null,
    state: "up",
    detail: "",
    mtu: 1420,
    addresses: [],
    networkId,
    memberNumber,
    traffic: NO_TRAFFIC,
    drops: {},
    queriers: [],
  };
}
