import type { Reach } from "#contract/reach.ts";
import { endpointText } from "#ports/endpoint.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import type { ReachSettings } from "../store/reach-settings.ts";

export function reachView(settings: ReachSettings): Reach {
  const { portMapping, dht, dhtBootstrap, meet, tcp, tls, proxy } = settings;
  return {
    portMapping,
    dht,
    dhtBootstrap: dhtBootstrap.map(placeText),
    meet: meet ? placeText(meet) : "off",
    tcp,
    tls,
    proxy: typeof proxy === "string" ? proxy : placeText(proxy),
  };
}

function placeText({ host, port }: Candidate): string {
  return endpointText({ address: host, port });
}
