import type { Endpoint } from "#ports/endpoint.ts";
import { isCandidateHost } from "#protocol/invite/candidate-codec.ts";
import { networkName } from "#protocol/invite/invite-link.ts";
import { PROXIES, type ProxyName } from "#protocol/discovery/presets.ts";
import { prefixText } from "#wire/address.ts";
import { memberKey, type NetworkEntry } from "#wire/control-network.ts";
import type { JoinedNetwork } from "./joined-network.ts";
import { highestNumber } from "./member-addresses.ts";
import { cleanName } from "./names.ts";
import { isNetworkPlan } from "./prefixes.ts";
import { acceptLans } from "./shared-lans.ts";

export type MemberEntry = Extract<NetworkEntry, { kind: "member" }>;

export interface NetworkNews {
  readonly record: JoinedNetwork;
  readonly directory: readonly MemberEntry[];
  /** Discovery proxies that the host wants to run. */
  readonly proxies: ReadonlySet<ProxyName>;
  /** Of the candidates, the port of the host's router. */
  readonly mapped: Endpoint | undefined;
}

/**
 * What a guest takes over from its host's table; undefined: the rest is on its way. Whatever a host says, our state
 * stays one that can be read again: names are cleaned, endpoints and members that cannot be are left out. Text:
 * why nothing is taken over.
 */
export function readNews(
  before: JoinedNetwork,
  table: ReadonlyMap<string, NetworkEntry>,
): NetworkNews | string | undefined {
  const network = entry(table, "network");
  const assigned = entry(table, "assigned");
  if (!network || !assigned) return undefined;
  const { prefix6, prefix4 } = network;
  const plan = { prefix6, prefix4 };
  if (!isNetworkPlan(plan))
    return `the host names prefixes that no network can have: ${prefixText(prefix6)}, ${prefixText(prefix4)}`;
  const exists = (number: number): boolean => number >= 1 && number <= highestNumber(plan);
  if (!exists(assigned.number)) return `the host gives us a number that has no address: ${assigned.number}`;
  const mapped = entry(table, "mapped");
  const own = table.get(memberKey(assigned.number));
  const candidates = (entry(table, "candidates")?.candidates ?? []).filter(
    ({ host, port }) => port > 0 && isCandidateHost(host),
  );
  const { meet: _meet, dhtKey: _dhtKey, ...rest } = before;
  return {
    record: {
      ...rest,
      networkName: networkName(network.name) || before.networkName,
      sharedRanges: network.ranges,
      ownName: (own?.kind === "member" && cleanName(own.name)) || before.ownName,
      candidates: candidates.length > 0 ? candidates : before.candidates,
      assigned: { number: assigned.number, plan },
      ...meetOf(before, table),
      ...dhtKeyOf(before, table),
      sharedLans: acceptLans(entry(table, "lans")?.lans ?? [], plan),
    },
    mapped: mapped && mapped.port > 0 ? { address: mapped.address, port: mapped.port } : undefined,
    proxies: new Set(PROXIES.filter((name) => entry(table, "proxies")?.[name])),
    directory: [...table.values()]
      .filter((value) => value.kind === "member" && exists(value.number))
      .map((value) => value as MemberEntry)
      .map((member) => ({ ...member, name: cleanName(member.name) || `member ${member.number}` })),
  };
}

/** The meeting point: a host that is of an earlier version does not say, and the invite's word stands. */
function meetOf(
  before: JoinedNetwork,
  table: ReadonlyMap<string, NetworkEntry>,
): Pick<JoinedNetwork, "meet"> {
  const said = entry(table, "meet");
  const place = said ? said.place : before.meet;
  return place && isCandidateHost(place.host) ? { meet: place } : {};
}

/** The same of its key in the DHT. */
function dhtKeyOf(
  before: JoinedNetwork,
  table: ReadonlyMap<string, NetworkEntry>,
): Pick<JoinedNetwork, "dhtKey"> {
  const said = entry(table, "dht");
  const dhtKey = said ? said.key : before.dhtKey;
  return dhtKey ? { dhtKey } : {};
}

function entry<
  Kind extends "network" | "assigned" | "candidates" | "proxies" | "lans" | "mapped" | "meet" | "dht",
>(table: ReadonlyMap<string, NetworkEntry>, kind: Kind): Extract<NetworkEntry, { kind: Kind }> | undefined {
  const value = table.get(kind);
  return value?.kind === kind ? (value as Extract<NetworkEntry, { kind: Kind }>) : undefined;
}
