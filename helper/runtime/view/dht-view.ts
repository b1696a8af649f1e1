import type { DhtView } from "#contract/reach.ts";
import { endpointText } from "#ports/endpoint.ts";
import type { DhtRendezvous } from "../dht/dht-rendezvous.ts";

const NOTHING = {
  nodes: 0,
  announced: 0,
  nat: "unknown",
  observed: null,
  starts: 0,
  losses: 0,
  offences: 0,
} as const;

/** `on`: the switch. */
export function dhtView(on: boolean, dht: DhtRendezvous | undefined): DhtView {
  if (!dht) return { ...NOTHING, state: "off", detail: "Not on this system." };
  if (!on) return { ...NOTHING, state: "off", detail: "Switched off." };
  const { nodes, announced, nat, counters } = dht.view;
  const { starts, losses, offences } = counters;
  const state = dht.state === "off" ? "idle" : dht.state;
  return {
    state,
    nodes,
    announced,
    nat: nat.mapping,
    observed: nat.endpoint ? endpointText(nat.endpoint) : null,
    starts,
    losses,
    offences,
    detail: [detailOf(state, nodes, announced, dht.problem), natText(nat.mapping)].filter(Boolean).join(" "),
  };
}

function detailOf(state: DhtView["state"], nodes: number, announced: number, problem: string): string {
  switch (state) {
    case "idle":
      return "Not needed now.";
    case "connecting":
      return "It is being reached.";
    case "failed":
      return `It is not to be had now: ${problem}.`;
    default:
      return announced > 0
        ? `The network of this computer is announced at ${announced} nodes.`
        : `It is there; ${nodes} nodes are known.`;
  }
}

export function natText(mapping: DhtView["nat"]): string {
  if (mapping === "same")
    return "The NAT in front gives this computer one port towards everybody: holes can be opened in it.";
  if (mapping === "varies")
    return "The NAT in front gives this computer another port towards each destination (symmetric).";
  return "";
}
