// The figures, from what clients are shown. No address of a computer is a label, neither a member's nor a source's:
// what is scraped is often kept elsewhere, and for long.
import type { Group, Network, Snapshot, Stats, Vif } from "#contract/snapshot.ts";
import { Exposition } from "./exposition.ts";
import type { FamilyKey } from "./families.ts";

export interface Figures {
  readonly snapshot: Snapshot;
  readonly stats: Stats;
  /** Of the transport's port: packets that no vif is to blame for. */
  readonly transportDrops: Readonly<Record<string, number>>;
  readonly scrapes: number;
  readonly refused: number;
}

/** So many of each are listed at most; how many more there are is said by castaway_metrics_left_out. */
export const LISTED = {
  networks: 64,
  members: 500,
  vifs: 256,
  groups: 200,
  events: 256,
  warnings: 32,
} as const;

export function collect({ snapshot, stats, transportDrops, scrapes, refused }: Figures): Exposition {
  const out = new Exposition();
  /** The first ones; the rest is counted. */
  const listed = <T>(of: keyof typeof LISTED, all: readonly T[]): readonly T[] => {
    out.add("leftOut", { of }, Math.max(0, all.length - LISTED[of]));
    return all.slice(0, LISTED[of]);
  };
  out.add("build", { version: snapshot.daemon.version }, 1);
  out.add("uptime", {}, stats.uptimeMs / 1000);
  out.add("resident", {}, stats.rssBytes);
  out.add("scrapes", {}, scrapes);
  out.add("refused", {}, refused);
  for (const [code, count] of listed("warnings", countBy(snapshot.warnings.map((warning) => warning.code))))
    out.add("warnings", { code }, count);
  for (const network of listed("networks", snapshot.networks)) addNetwork(out, network);
  const members = snapshot.networks.flatMap(({ id, members: all }) =>
    all.filter(({ self }) => !self).map((member) => ({ network: id, member })),
  );
  for (const { network, member } of listed("members", members)) addMember(out, network, member);
  for (const vif of listed("vifs", snapshot.vifs)) addVif(out, vif);
  addGroups(out, snapshot.groups, listed);
  addAmt(out, snapshot.amt);
  for (const [reason, count] of Object.entries(transportDrops)) out.add("transportDrops", { reason }, count);
  for (const [event, count] of listed("events", Object.entries(stats.counters))) addEvent(out, event, count);
  out.add("leftOut", { of: "duplicates" }, out.duplicates);
  return out;
}

function addNetwork(out: Exposition, { id, name, role, state, members, requests }: Network): void {
  out.add("network", { network: id, name, role }, 1);
  out.add("networkUp", { network: id }, state === "connected");
  out.add("requests", { network: id }, requests.length);
  out.add("members", { network: id }, members.length);
}

function addMember(out: Exposition, network: string, member: Network["members"][number]): void {
  const { number, name, role, online, path, rttMs, lossRatio, sending } = member;
  const labels = { network, member: number };
  out.add("member", { ...labels, name, role }, 1);
  out.add("memberOnline", labels, online);
  out.add("memberPath", { ...labels, path }, 1);
  out.add("memberRtt", labels, rttMs === null ? null : rttMs / 1000);
  out.add("memberLoss", labels, lossRatio);
  out.add("memberSendLoss", labels, sending?.lossRatio);
  out.add("memberMtu", labels, sending?.pathMtu);
  out.add("memberBreaker", labels, sending && sending.breaker !== "closed");
}

/** A peer's name is not unique, its network and number are. */
function addVif(out: Exposition, vif: Vif): void {
  const { name, kind, state, networkId, memberNumber, traffic, drops, queriers } = vif;
  const labels = { vif: name, kind, network: networkId ?? "", member: memberNumber ?? "" };
  out.add("vifUp", labels, state === "up");
  out.add("vifRxPackets", labels, traffic.rxPackets);
  out.add("vifRxBytes", labels, traffic.rxBytes);
  out.add("vifTxPackets", labels, traffic.txPackets);
  out.add("vifTxBytes", labels, traffic.txBytes);
  for (const [reason, count] of Object.entries(drops)) out.add("vifDrops", { ...labels, reason }, count);
  for (const { family, self, queriesSent, reportsReceived } of queriers) {
    const querier = { vif: name, kind, protocol: family === 4 ? "igmp" : "mld" };
    out.add("vifQuerier", querier, self);
    out.add("vifQueries", querier, queriesSent);
    out.add("vifReports", querier, reportsReceived);
  }
}

/**
 * A group is the sum of its sources. As rates alone: flows are forgotten and come back, so sums of their counters would
 * run backwards. Those listed are the ones that have carried most, which changes less often than what carries most now.
 */
function addGroups(
  out: Exposition,
  groups: readonly Group[],
  listed: <T>(of: "groups", all: readonly T[]) => readonly T[],
): void {
  const byGroup = Map.groupBy(groups, ({ group }) => group);
  out.add("groups", {}, byGroup.size);
  out.add("streams", {}, groups.filter(({ inVif }) => inVif !== null).length);
  const sum = (streams: readonly Group[], of: (stream: Group) => number): number =>
    streams.reduce((total, stream) => total + of(stream), 0);
  const sums = [...byGroup].map(([group, streams]) => ({
    group,
    streams,
    bytes: sum(streams, (one) => one.bytes),
  }));
  sums.sort((a, b) => b.bytes - a.bytes || (a.group < b.group ? -1 : 1));
  for (const { group, streams } of listed("groups", sums)) {
    const losses = streams.flatMap(({ lossRatio }) => lossRatio ?? []);
    out.add("groupBytes", { group }, sum(streams, (one) => one.rateBps) / 8);
    out.add(
      "groupPackets",
      { group },
      sum(streams, (one) => one.pps),
    );
    out.add("groupSources", { group }, streams.filter(({ inVif }) => inVif !== null).length);
    const vifs = streams.flatMap(({ listeners }) => listeners.map(({ vif }) => vif));
    out.add("groupListeners", { group }, new Set(vifs).size);
    out.add("groupLoss", { group }, losses.length > 0 ? Math.max(...losses) : null);
  }
}

function addAmt(out: Exposition, { joins }: Snapshot["amt"]): void {
  for (const [state, count] of countBy(joins.map(({ state }) => state)))
    out.add("amtStreams", { state }, count);
  const relays = new Map(joins.flatMap(({ via }) => (via ? [[via.address, via.how] as const] : [])));
  for (const [how, count] of countBy([...relays.values()])) out.add("amtRelays", { how }, count);
}

/** Counters that have a family of their own: the whole name, or how it begins with the label for what follows. */
const OWN: Readonly<Record<string, FamilyKey>> = {
  "session.handshakes-accepted": "accepted",
  "session.cookies-sent": "cookies",
  "session.unknown-frames": "unknownFrames",
  "sap.known": "announced",
  "amt-relay.gateways": "relayGateways",
  "amt-relay.streams": "relayStreams",
  "forwarding.groupsNotCompiled": "notCompiled",
};
const BEGINNINGS: readonly (readonly [string, FamilyKey, string])[] = [
  ["session.handshakes-dropped-", "handshakeDrops", "reason"],
  ["forwarding.", "forwardingDrops", "reason"],
  ["path.breakers-", "breakers", "state"],
  ["amt-relay.dropped-", "relayDrops", "reason"],
  ["amt-relay.refused-", "relayRefused", "reason"],
];

function addEvent(out: Exposition, event: string, count: number): void {
  const own = Object.hasOwn(OWN, event) ? OWN[event] : undefined;
  const beginning = BEGINNINGS.find(([start]) => event.startsWith(start));
  if (own) out.add(own, {}, count);
  else if (beginning) out.add(beginning[1], { [beginning[2]]: event.slice(beginning[0].length) }, count);
  else out.add("events", { event }, count);
}

function countBy(words: readonly string[]): [string, number][] {
  return [...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]);
}
