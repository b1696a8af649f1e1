import type { Traffic } from "#contract/snapshot.ts";

export const NO_TRAFFIC: Traffic = { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0 };

export function trafficOf({ rxPackets, rxBytes, txPackets, txBytes }: Traffic): Traffic {
  return { rxPackets, rxBytes, txPackets, txBytes };
}

export function addTraffic(a: Traffic, b: Traffic): Traffic {
  return {
    rxPackets: a.rxPackets + b.rxPackets,
    rxBytes: a.rxBytes + b.rxBytes,
    txPackets: a.txPackets + b.txPackets,
    txBytes: a.txBytes + b.txBytes,
  };
}
