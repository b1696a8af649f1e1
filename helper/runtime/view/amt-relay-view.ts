// The AMT relay as clients see it: sums in the state, the largest in the dump.
import type { AmtRelayDump, AmtRelayState } from "#contract/amt.ts";
import { endpointText } from "#ports/endpoint.ts";
import type { Engine } from "../engine.ts";
import type { RelaySettings } from "../store/relay-settings.ts";

/** Of gateways and streams each, in a dump. */
const LISTED = 100;

export function relayState(
  engine: Engine,
  { enabled, maxGateways, gatewayBitsPerSecond }: RelaySettings,
): AmtRelayState {
  const { vif, state, detail } = engine.amtRelay;
  const counters = vif && engine.fastPath.counters(vif.id);
  return {
    enabled,
    state,
    detail,
    addresses: vif ? vif.addresses.map(({ address, told }) => told ?? address) : [],
    gateways: vif?.relay.size ?? 0,
    maxGateways,
    gatewayBitsPerSecond,
    groups: vif?.fanOut.entryCount ?? 0,
    packets: counters?.txPackets ?? 0,
    bytes: counters?.txBytes ?? 0,
  };
}

/** undefined: this computer is no relay. */
export function relayDump({ amtRelay: { vif }, core: { clock } }: Engine): AmtRelayDump | undefined {
  if (!vif) return undefined;
  const since = clock.wall() - clock.now();
  const gateways = [...vif.relay.gateways].map((gateway) => ({
    endpoint: endpointText(gateway.endpoint),
    since: since + gateway.since,
    groups: gateway.groups,
    ...vif.memory.gateway(gateway.id),
    limited: vif.memory.limited(gateway.id),
  }));
  const streams = [...vif.fanOut.entries()].map(({ id, group, source, gateways: wanting }) => ({
    group,
    source: source ?? null,
    gateways: wanting,
    ...vif.memory.entry(id),
  }));
  const largest = (a: { readonly bytes: number }, b: { readonly bytes: number }): number => b.bytes - a.bytes;
  return {
    gateways: gateways.sort(largest).slice(0, LISTED),
    streams: streams.sort(largest).slice(0, LISTED),
    moreGateways: Math.max(0, gateways.length - LISTED),
    moreStreams: Math.max(0, streams.length - LISTED),
  };
}

/** What the relay refused, for the statistics. */
export function relayCounters({ amtRelay: { vif } }: Engine): Record<string, number> {
  if (!vif) return {};
  const counters: Record<string, number> = {
    "amt-relay.gateways": vif.relay.size,
    "amt-relay.streams": vif.fanOut.entryCount,
    "amt-relay.answers-lost": vif.unsent,
  };
  for (const [reason, count] of vif.relay.drops) counters[`amt-relay.dropped-${reason}`] = count;
  for (const [reason, count] of Object.entries(vif.fanOut.refusals))
    counters[`amt-relay.refused-${reason}`] = count;
  counters["amt-relay.refused-overLimit"] = vif.relay.overLimit;
  return counters;
}
