import type { PortMappingView, Reach } from "#contract/reach.ts";
import type { Warning } from "#contract/snapshot.ts";
import { endpointText } from "#ports/endpoint.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import type { DhtRendezvous } from "../dht/dht-rendezvous.ts";
import type { PortChoice } from "../port-choice.ts";
import type { PortMapping, PortMappingState } from "../reach/port-mapping.ts";
import type { ReachSettings } from "../store/reach-settings.ts";
import { dhtView } from "./dht-view.ts";

export function reachView(
  settings: ReachSettings,
  port: Pick<PortChoice, "setting" | "pending">,
  mapping: PortMappingState,
  dhtWay: DhtRendezvous | undefined,
): Reach {
  const { portMapping, dht, dhtBootstrap, dhtRelays, meet, tcp, tls, proxy } = settings;
  return {
    port: port.setting,
    portPending: port.pending,
    portMapping,
    dht,
    dhtBootstrap: dhtBootstrap.map(placeText),
    dhtRelays: [...dhtRelays],
    meet: meet === null ? "auto" : meet === "off" ? "off" : placeText(meet),
    tcp,
    tls,
    proxy: typeof proxy === "string" ? proxy : placeText(proxy),
    mapping: mappingView(mapping),
    dhtState: dhtView(dht, dhtWay),
  };
}

/** The router gave what is of no use from outside: only people can change that. */
export function doubleNatWarning({
  state,
  since,
}: Pick<PortMapping, "state" | "since">): Warning | undefined {
  if (state.state !== "mapped" || state.isPublic) return undefined;
  return {
    code: "double-nat",
    message: mappingView(state).detail,
    remedy: "Let the outer router forward the port to the inner one, or make one of them a bridge.",
    since,
  };
}

const IDLE = {
  "not-hosting": "This computer hosts no network, and needs no port.",
  public: "This computer's own address is public, and needs no port of a router.",
  "no-router": "There is no router that could be asked.",
} as const;

const METHODS = { pcp: "PCP", "nat-pmp": "NAT-PMP", upnp: "UPnP" } as const;

export function mappingView(mapping: PortMappingState): PortMappingView {
  const nothing = { state: mapping.state, method: null, udp: null, tcp: null };
  switch (mapping.state) {
    case "off":
      return { ...nothing, detail: "Switched off." };
    case "idle":
      return { ...nothing, detail: IDLE[mapping.why] };
    case "asking":
      return { ...nothing, detail: "The router is being asked." };
    case "none":
      return { ...nothing, detail: refusalText(mapping.reasons) };
    case "mapped": {
      const udp = endpointText(mapping.udp);
      return {
        state: "mapped",
        method: mapping.method,
        udp,
        tcp: mapping.tcp ? endpointText(mapping.tcp) : null,
        detail: mapping.isPublic
          ? `The router has opened ${udp} by ${METHODS[mapping.method]}.`
          : `The router has opened ${udp}, but that address is not public: there is another router or the ` +
            "provider's NAT in front of it.",
      };
    }
  }
}

function refusalText(reasons: Readonly<Record<string, string>>): string {
  const all = Object.values(reasons);
  if (all.includes("network-failure"))
    return "The router has no public address that it could open a port on: it is behind another NAT, or offline.";
  if (all.includes("permanent-only"))
    return "The router opens ports for ever alone, which would outlast a crash: forward the port by hand.";
  if (all.every((reason) => reason === "no-answer"))
    return "The router knows no PCP, NAT-PMP or UPnP, or has them switched off.";
  const said = Object.entries(reasons).filter(([, reason]) => reason !== "no-answer");
  return `The router refused (${said.map(([way, reason]) => `${way}: ${reason}`).join(", ")}).`;
}

function placeText({ host, port }: Candidate): string {
  return endpointText({ address: host, port });
}
