import { writeAddressWords } from "#protocol/forwarding/address-words.ts";
import { FilterSum } from "#protocol/forwarding/filter-sum.ts";
import { isNothing, sameFilter, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import {
  CHANGE_ADD,
  CHANGE_ENTRY,
  CHANGE_ENTRY_GONE,
  CHANGE_EXCEPT,
  CHANGE_EXCEPT_REMOVE,
  CHANGE_REMOVE,
  MAX_FAN_OUT_ENTRIES,
} from "./fan-out-changes.ts";
import type { Listeners } from "./relay-gateway.ts";

export interface FanOutLimits {
  readonly maxGroups: number;
  /** Named by all gateways together. */
  readonly maxSourcesPerGroup: number;
  readonly maxEntries: number;
}

export const FAN_OUT_LIMITS: FanOutLimits = {
  maxGroups: 4_096,
  maxSourcesPerGroup: 256, // as many as the forwarding table takes of one vif
  maxEntries: MAX_FAN_OUT_ENTRIES,
};

/** What gateways want and do not get: counts of events. */
export interface FanOutRefusals {
  outOfScope: number;
  tooManyGroups: number;
  tooManySources: number;
}

/** (S,G), or without a source (*,G), with the number that the fast path knows it by. */
export interface FanOutEntry {
  readonly id: number;
  readonly group: Address;
  readonly source: Address | undefined;
  /** Gateways that want it by this entry. */
  gateways: number;
}

interface Entry extends FanOutEntry {
  /** Filters that name it, to have it or not to. */
  uses: number;
}

interface Group {
  readonly sum: FilterSum;
  readonly filters: Map<number, SourceFilter>; // by gateway
  readonly entries: Map<Address | undefined, Entry>; // by source
  told: SourceFilter | undefined;
}

/**
 * Who gets what: the gateways' filters for each group, as changes for the fast path and as the sum that the forwarding
 * table knows as the one listener of the relay's vif. A change costs what it changes, whatever the others want.
 */
export class RelayFanOut {
  readonly refusals: FanOutRefusals = { outOfScope: 0, tooManyGroups: 0, tooManySources: 0 };
  readonly #limits: FanOutLimits;
  readonly #groups = new Map<Address, Group>();
  readonly #freeEntries: number[] = [];
  #nextEntry = 0;
  #changes: number[] = [];
  readonly #dirty = new Set<Address>();

  constructor(limits: FanOutLimits = FAN_OUT_LIMITS) {
    this.#limits = limits;
  }

  get groups(): number {
    return this.#groups.size;
  }

  get entryCount(): number {
    return this.#nextEntry - this.#freeEntries.length;
  }

  *entries(): Iterable<FanOutEntry> {
    for (const { entries } of this.#groups.values()) yield* entries.values();
  }

  /** What the gateway wants of the group from now on; undefined: nothing. `admitted`: the group may be had at all. */
  set(gateway: number, address: Address, filter: SourceFilter | undefined, admitted = true): void {
    const wanted = filter && !isNothing(filter) ? filter : undefined;
    let group = this.#groups.get(address);
    if (wanted && !admitted) this.refusals.outOfScope++;
    if (!group) {
      if (!wanted || !admitted) return;
      if (this.#groups.size >= this.#limits.maxGroups) {
        this.refusals.tooManyGroups++;
        return;
      }
      group = { sum: new FilterSum(), filters: new Map(), entries: new Map(), told: undefined };
      this.#groups.set(address, group);
    }
    this.#replace(group, address, gateway, admitted && wanted ? this.#fitting(group, wanted) : undefined);
    this.#dirty.add(address);
  }

  /** For the fast path, in order; undefined: nothing has changed. */
  drainChanges(): Uint32Array<ArrayBuffer> | undefined {
    if (this.#changes.length === 0) return undefined;
    const changes = Uint32Array.from(this.#changes);
    this.#changes = [];
    return changes;
  }

  /** What all gateways together want, of the groups of which that has changed. */
  drainWants(): Listeners[] {
    const changed: Listeners[] = [];
    for (const address of this.#dirty) {
      const group = this.#groups.get(address)!;
      const filter = group.sum.result();
      if (group.filters.size === 0) this.#groups.delete(address);
      if (filter === group.told || (filter && group.told && sameFilter(filter, group.told))) continue;
      group.told = filter;
      changed.push({ group: address, filter });
    }
    this.#dirty.clear();
    return changed;
  }

  #replace(group: Group, address: Address, gateway: number, after: SourceFilter | undefined): void {
    const before = group.filters.get(gateway);
    if (after) {
      group.sum.add(after);
      group.filters.set(gateway, after);
    } else group.filters.delete(gateway);
    if (before) group.sum.remove(before);
    // What is new first: an entry that both name does not go and come back.
    if (after) this.#each(after, before, (source, add) => this.#take(group, address, source, gateway, add));
    if (before) this.#each(before, after, (source, add) => this.#release(group, source, gateway, add));
  }

  /** The entries that `filter` names and `other` does not name in the same way. */
  #each(
    filter: SourceFilter,
    other: SourceFilter | undefined,
    action: (source: Address | undefined, add: boolean) => void,
  ): void {
    const include = filter.mode === "include";
    const same = other?.mode === filter.mode ? other : undefined;
    if (!include && !same) action(undefined, true);
    for (const source of filter.sources) if (!same?.sources.has(source)) action(source, include);
  }

  #take(group: Group, address: Address, source: Address | undefined, gateway: number, add: boolean): void {
    let entry = group.entries.get(source);
    if (!entry) {
      entry = {
        id: this.#freeEntries.pop() ?? this.#nextEntry++,
        group: address,
        source,
        gateways: 0,
        uses: 0,
      };
      group.entries.set(source, entry);
      const words = new Uint32Array(8);
      writeAddressWords(words, 0, address);
      if (source !== undefined) writeAddressWords(words, 4, source);
      this.#changes.push(CHANGE_ENTRY, entry.id, ...words);
    }
    entry.uses++;
    if (add) entry.gateways++;
    this.#changes.push(add ? CHANGE_ADD : CHANGE_EXCEPT, entry.id, gateway);
  }

  #release(group: Group, source: Address | undefined, gateway: number, add: boolean): void {
    const entry = group.entries.get(source)!;
    this.#changes.push(add ? CHANGE_REMOVE : CHANGE_EXCEPT_REMOVE, entry.id, gateway);
    if (add) entry.gateways--;
    if (--entry.uses > 0) return;
    group.entries.delete(source);
    this.#freeEntries.push(entry.id);
    this.#changes.push(CHANGE_ENTRY_GONE, entry.id);
  }

  /** Without the sources that there is no room for: those of an EXCLUDE list come after all. */
  #fitting(group: Group, filter: SourceFilter): SourceFilter | undefined {
    let room = this.#limits.maxEntries - this.entryCount;
    if (filter.mode === "exclude" && !group.entries.has(undefined) && room-- <= 0) {
      this.refusals.tooManySources++;
      return undefined;
    }
    const named = group.entries.size - (group.entries.has(undefined) ? 1 : 0);
    room = Math.min(room, this.#limits.maxSourcesPerGroup - named);
    const kept = [...filter.sources].filter((source) => group.entries.has(source) || room-- > 0);
    if (kept.length === filter.sources.size) return filter;
    this.refusals.tooManySources += filter.sources.size - kept.length;
    const cut: SourceFilter = { mode: filter.mode, sources: new Set(kept) };
    return isNothing(cut) ? undefined : cut;
  }
}
