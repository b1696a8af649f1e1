// Which streams are shown, and in what order.
import { plainText } from "#contract/plain-text.ts";
import type { Group } from "#contract/snapshot.ts";
import { groupKey } from "#main/contract/rates.ts";
import { listenerPlaces, type Places } from "./places.ts";

export const SORTS = ["rate", "name"] as const;
export type StreamSort = (typeof SORTS)[number];

export interface StreamFilter {
  readonly search: string;
  readonly onlyActive: boolean;
}

/** How long an order by rate stays: rows that change places each second cannot be read, or hit. */
const ORDER_MS = 10_000;

export function isActive(group: Group): boolean {
  return group.pps > 0 || group.rateBps > 0;
}

/** What it is called, or its address. */
export function streamTitle(group: Group): string {
  return (group.name === null ? "" : plainText(group.name).trim()) || group.group;
}

/** Each word of the search is in its name, an address, its port or whoever sends or listens. */
export function matches(group: Group, { search, onlyActive }: StreamFilter, places: Places): boolean {
  if (onlyActive && !isActive(group)) return false;
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const { name, source, sourceName, port, payload } = group;
  const listeners = listenerPlaces(group, places).map((place) => ("name" in place ? place.name : ""));
  const text = [name, group.group, source, sourceName, port, payload, ...listeners].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** The order of a list that changes each second. */
export class StreamOrder {
  #sort: StreamSort | undefined;
  #sortedAt = 0;
  #places = new Map<string, number>();

  /**
   * By name at once; by rate anew every ten seconds, and not while `held`, because somebody is about to choose a row.
   * What is new meanwhile comes last.
   */
  arrange(groups: readonly Group[], sort: StreamSort, now: number, held: boolean): Group[] {
    const isFresh = now >= this.#sortedAt && now - this.#sortedAt < ORDER_MS;
    const sorted = [...groups].sort(ORDERS[sort]);
    const keeps = sort === "rate" && sort === this.#sort && this.#places.size > 0 && (held || isFresh);
    if (!keeps) {
      this.#sort = sort;
      this.#sortedAt = now;
      this.#places = new Map(sorted.map((group, place) => [groupKey(group), place]));
      return sorted;
    }
    let next = this.#places.size;
    for (const group of sorted) {
      const key = groupKey(group);
      if (!this.#places.has(key)) this.#places.set(key, next++);
    }
    const place = (group: Group): number => this.#places.get(groupKey(group)) ?? 0;
    return sorted.sort((a, b) => place(a) - place(b));
  }
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

const ORDERS: Readonly<Record<StreamSort, (a: Group, b: Group) => number>> = {
  rate: (a, b) => b.rateBps - a.rateBps || byName(a, b),
  name: byName,
};

/** Those with a name before those with an address alone. */
function byName(a: Group, b: Group): number {
  return (
    Number(a.name === null) - Number(b.name === null) ||
    collator.compare(streamTitle(a), streamTitle(b)) ||
    collator.compare(groupKey(a), groupKey(b))
  );
}
