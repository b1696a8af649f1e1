import { sameFilter, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import type { VifId } from "./route-table.ts";

export interface UpstreamChange {
  readonly vif: VifId;
  readonly group: Address;
  /** undefined: leave. */
  readonly filter: SourceFilter | undefined;
}

/** What was last said to be wanted of each upstream vif, and which groups may have changed since. */
export class UpstreamJoins {
  readonly #joined = new Map<VifId, Map<Address, SourceFilter>>();
  readonly #changedGroups = new Set<Address>();
  readonly #newVifs = new Set<VifId>();

  addVif(vif: VifId): void {
    this.#joined.set(vif, new Map());
    this.#newVifs.add(vif);
  }

  removeVif(vif: VifId): void {
    this.#joined.delete(vif);
    this.#newVifs.delete(vif);
  }

  groupChanged(group: Address): void {
    this.#changedGroups.add(group);
  }

  joined(vif: VifId): ReadonlyMap<Address, SourceFilter> | undefined {
    return this.#joined.get(vif);
  }

  /** `all(vif)` is everything wanted of a vif, `one(vif, group)` what is wanted of it for one group. */
  drain(
    all: (vif: VifId) => ReadonlyMap<Address, SourceFilter>,
    one: (vif: VifId, group: Address) => SourceFilter | undefined,
  ): UpstreamChange[] {
    const changes: UpstreamChange[] = [];
    for (const vif of this.#newVifs)
      for (const [group, filter] of all(vif)) this.#update(vif, group, filter, changes);
    for (const group of this.#changedGroups)
      for (const vif of this.#joined.keys())
        if (!this.#newVifs.has(vif)) this.#update(vif, group, one(vif, group), changes);
    this.#newVifs.clear();
    this.#changedGroups.clear();
    return changes;
  }

  #update(vif: VifId, group: Address, filter: SourceFilter | undefined, changes: UpstreamChange[]): void {
    const joined = this.#joined.get(vif)!;
    const before = joined.get(group);
    if (before === filter || (before && filter && sameFilter(before, filter))) return;
    if (filter) joined.set(group, filter);
    else joined.delete(group);
    changes.push({ vif, group, filter });
  }
}
