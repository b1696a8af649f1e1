import { decodeNetworkChange, encodeNetworkChange, type NetworkEntry } from "#wire/control-network.ts";
import { TOPIC_NETWORK } from "#wire/control-state.ts";
import type { Topic } from "./soft-state-topic.ts";

/** The network itself, our place in it, the host's endpoints, and the directory of members; by `networkKey`. */
export const NETWORK: Topic<NetworkEntry> = {
  id: TOPIC_NETWORK,
  maxEntries: 4_096,
  encode: encodeNetworkChange,
  decode(bytes) {
    const change = decodeNetworkChange(bytes);
    return change && { key: change.key, value: change.entry };
  },
  // Entries are small and rarely change: their wire form is the simplest thing to compare.
  same: (a, b) => wireText(a) === wireText(b),
};

function wireText(entry: NetworkEntry): string {
  return encodeNetworkChange("", entry).toHex();
}
