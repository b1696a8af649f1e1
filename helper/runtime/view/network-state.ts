// How a network stands, in one word and one sentence.
import type { Network } from "#contract/snapshot.ts";
import type { JoinedNetworkRuntime } from "../joined-network.ts";
import type { PathKinds } from "../reach/path-kinds.ts";

type State = Pick<Network, "state" | "detail">;

export function joinedState(network: JoinedNetworkRuntime, paths: PathKinds): State {
  const { state, record, peer } = network;
  const name = record.networkName;
  switch (state.state) {
    case "off":
      return { state: "off", detail: `Disconnected from ${name}.` };
    case "connecting":
      return { state: "connecting", detail: `Calling ${name}; its host has not answered yet.` };
    case "pending":
      return { state: "attention", detail: `The host of ${name} has to approve this computer first.` };
    case "connected": {
      const { rtt, endpoint } = peer?.session ?? {};
      const way = endpoint ? ` ${paths.text(endpoint)}` : "";
      const time = rtt === undefined ? "" : `, ${Math.max(1, Math.round(rtt))} ms`;
      return { state: "connected", detail: `Connected to ${name}${way}${time}.` };
    }
    case "refused":
      return { state: "refused", detail: `The host of ${name} refused this computer: ${state.status}.` };
  }
}

/** Of the network of the peers file, with `up` of `all` peers here. */
export function staticState(active: boolean, up: number, all: number, forward: boolean): State {
  if (!active) return { state: "off", detail: "The peers of the peers file are disconnected." };
  const peers = all === 1 ? "peer" : "peers";
  if (up === 0)
    return { state: "connecting", detail: `Calling the ${peers} of the peers file; none has answered yet.` };
  const hub = forward ? " This computer passes on between them." : "";
  return {
    state: "connected",
    detail: `${up} of ${all} ${peers} of the peers file ${up === 1 ? "is" : "are"} here.${hub}`,
  };
}
