// Who sends to whom, as far as this computer carries it: the streams, summed by where they come from and go to.
import type { Member, Network, Snapshot } from "#contract/snapshot.ts";
import { plainText } from "#contract/plain-text.ts";
import {
  HERE,
  INTERNET,
  listenerPlaces,
  ownAddresses,
  type Place,
  placeId,
  placesOf,
  sourcePlace,
} from "./places.ts";

export type NodeKind = "home" | "here" | "member" | "lan" | "site" | "others";

export interface PictureNode {
  readonly id: string;
  readonly kind: NodeKind;
  /** As its owner called it; empty for this computer, the Internet and a heap of others. */
  readonly name: string;
  readonly online: boolean;
  /** This computer is it. */
  readonly self: boolean;
  /** How many it stands for. */
  readonly count: number;
}

/** One direction between two nodes, of which one is this computer. */
export interface Flow {
  readonly from: string;
  readonly to: string;
  readonly rateBps: number;
  readonly streams: number;
}

export interface Picture {
  /** The network's host first. */
  readonly nodes: readonly PictureNode[];
  readonly flows: readonly Flow[];
}

export const OTHERS_ID = "others";
export const INTERNET_ID = placeId(INTERNET);
const HERE_ID = placeId(HERE);

/**
 * `network` null: this computer and its LANs alone. At most `room` members are drawn one by one, those with traffic
 * first; the rest is one heap, with their traffic.
 */
export function pictureOf(snapshot: Snapshot, network: Network | null, room: number): Picture {
  const flows = flowsOf(snapshot, network);
  const busy = new Map<string, number>();
  for (const { from, to, rateBps } of flows)
    for (const id of [from, to]) busy.set(id, (busy.get(id) ?? 0) + rateBps);
  const nodes = [...memberNodes(network, busy, room), ...lanNodes(snapshot), ...siteNodes(snapshot, busy)];
  const drawn = new Set(nodes.map(({ id }) => id));
  return { nodes, flows: intoHeap(flows, drawn) };
}

function flowsOf(snapshot: Snapshot, network: Network | null): Flow[] {
  const places = placesOf(snapshot);
  const own = ownAddresses(snapshot);
  const flows = new Map<string, Flow>();
  const carry = (from: Place, to: Place, rateBps: number): void => {
    if (!isIn(from, network) || !isIn(to, network)) return;
    const [a, b] = [placeId(from), placeId(to)];
    if (a === b) return;
    const known = flows.get(`${a}>${b}`) ?? { rateBps: 0, streams: 0 };
    flows.set(`${a}>${b}`, {
      from: a,
      to: b,
      rateBps: known.rateBps + rateBps,
      streams: known.streams + 1,
    });
  };
  for (const group of snapshot.groups) {
    if (group.rateBps === 0) continue;
    const from = sourcePlace(group, places, own);
    if (!from) continue;
    const listeners = listenerPlaces(group, places).filter((to) => placeId(to) !== placeId(from));
    if (listeners.length === 0) continue; // nobody has it carried
    carry(from, HERE, group.rateBps);
    for (const to of listeners) carry(HERE, to, group.rateBps);
  }
  return [...flows.values()];
}

function isIn(place: Place, network: Network | null): boolean {
  return place.kind !== "member" || place.network === network?.id;
}

function memberNodes(
  network: Network | null,
  busy: ReadonlyMap<string, number>,
  room: number,
): PictureNode[] {
  const here = { id: HERE_ID, name: "", online: true, self: true, count: 1 };
  if (!network) return [{ ...here, kind: "home" }];
  const self = { ...here, kind: network.role === "host" ? ("home" as const) : ("here" as const) };
  const idOf = (member: Member): string =>
    placeId({ kind: "member", network: network.id, number: member.number, name: "" });
  // Who is drawn depends on traffic by its order of magnitude, where they stand on their numbers alone: so nothing
  // jumps while rates move.
  const rank = (member: Member): number =>
    Number(member.role === "host") * 1_000 +
    Math.ceil(Math.log10(1 + (busy.get(idOf(member)) ?? 0))) * 2 +
    Number(member.online);
  const byNumber = (a: Member, b: Member): number => a.number - b.number;
  const others = network.members.filter((member) => !member.self).sort(byNumber);
  const ranked = others.toSorted((a, b) => rank(b) - rank(a)); // a stable sort
  const fits = ranked.length <= room ? others : ranked.slice(0, Math.max(1, room - 1)).sort(byNumber);
  fits.sort((a, b) => Number(b.role === "host") - Number(a.role === "host"));
  const heap = others.filter((member) => !fits.includes(member));
  const nodes = fits.map((member): PictureNode => ({
    id: idOf(member),
    kind: member.role === "host" ? "home" : "member",
    name: plainText(member.name) || `${member.number}`,
    online: member.online,
    self: false,
    count: 1,
  }));
  if (heap.length > 0)
    nodes.push({
      id: OTHERS_ID,
      kind: "others",
      name: "",
      online: heap.some(({ online }) => online),
      self: false,
      count: heap.length,
    });
  return nodes[0]?.kind === "home" ? [nodes[0], self, ...nodes.slice(1)] : [self, ...nodes];
}

function lanNodes({ vifs }: Snapshot): PictureNode[] {
  return vifs
    .filter(({ kind, state }) => (kind === "lan" || kind === "socket") && state === "up")
    .map(({ name }) => ({
      id: placeId({ kind: "lan", name }),
      kind: "lan",
      name,
      online: true,
      self: false,
      count: 1,
    }));
}

/** Other multicast networks, where something comes from them or goes to them. */
function siteNodes({ vifs }: Snapshot, busy: ReadonlyMap<string, number>): PictureNode[] {
  const sites = new Map(vifs.map(({ name }) => [placeId({ kind: "site", name }), name]));
  return [...sites.set(INTERNET_ID, "")]
    .filter(([id]) => busy.has(id))
    .map(([id, name]) => ({ id, kind: "site", name, online: true, self: false, count: 1 }));
}

/** A member without a node of its own belongs to the heap. */
function intoHeap(flows: readonly Flow[], drawn: ReadonlySet<string>): Flow[] {
  const sums = new Map<string, Flow>();
  const place = (id: string): string => (drawn.has(id) || !id.startsWith("member ") ? id : OTHERS_ID);
  for (const flow of flows) {
    const [from, to] = [place(flow.from), place(flow.to)];
    if (!drawn.has(from) || !drawn.has(to)) continue;
    const known = sums.get(`${from}>${to}`);
    sums.set(`${from}>${to}`, {
      from,
      to,
      rateBps: flow.rateBps + (known?.rateBps ?? 0),
      streams: flow.streams + (known?.streams ?? 0),
    });
  }
  return [...sums.values()];
}
