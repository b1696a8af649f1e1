// Internet multicast as clients see it.
import type { Amt, AmtJoin, AmtRelayState } from "#contract/amt.ts";
import type { AmtSettings, KeptJoin } from "../store/amt-settings.ts";

export function amtView({ relays, automatic, joins, relay }: AmtSettings): Amt {
  return { relays: [...relays], automatic, joins: joins.map(keptJoin), relay: relayState(relay) };
}

function keptJoin({ id, source, group, relay, port }: KeptJoin): AmtJoin {
  return {
    id,
    source,
    group,
    relay,
    port,
    kept: true,
    state: "looking",
    detail: "No relay is known yet.",
    via: null,
    roundTripMs: null,
    packets: 0,
    bytes: 0,
    rateBps: 0,
  };
}

function relayState({ enabled, maxGateways }: AmtSettings["relay"]): AmtRelayState {
  return {
    enabled,
    state: "off",
    detail: "",
    addresses: [],
    gateways: 0,
    maxGateways,
    groups: 0,
    packets: 0,
    bytes: 0,
  };
}
