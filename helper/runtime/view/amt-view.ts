// Internet multicast as clients see it.
import type { Amt, AmtJoin } from "#contract/amt.ts";
import type { Engine } from "../engine.ts";
import type { AmtSettings, KeptJoin } from "../store/amt-settings.ts";
import { relayState } from "./amt-relay-view.ts";

export function amtView({ relays, automatic, joins, relay }: AmtSettings, engine: Engine): Amt {
  return { relays: [...relays], automatic, joins: joins.map(keptJoin), relay: relayState(engine, relay) };
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
