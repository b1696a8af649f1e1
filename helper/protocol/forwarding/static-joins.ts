import { ANY_SOURCE, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import type { VifId } from "./route-table.ts";

/** smcroute's mgroup: a join towards a vif that stands whether anybody listens or not. */
export interface StaticJoin {
  readonly vif: VifId;
  readonly group: Address;
  readonly source: Address | undefined; // undefined: any
}

export class StaticJoins {
  readonly #byVif = new Map<VifId, Map<Address, Set<Address | undefined>>>();

  /** Returns false where it is there already. */
  add({ vif, group, source }: StaticJoin): boolean {
    let groups = this.#byVif.get(vif);
    if (!groups) this.#byVif.set(vif, (groups = new Map()));
    let sources = groups.get(group);
    if (!sources) groups.set(group, (sources = new Set()));
    if (sources.has(source)) return false;
    sources.add(source);
    return true;
  }

  /** Returns false where there is none. */
  remove({ vif, group, source }: StaticJoin): boolean {
    const groups = this.#byVif.get(vif);
    const sources = groups?.get(group);
    if (!groups || !sources?.delete(source)) return false;
    if (sources.size === 0) groups.delete(group);
    if (groups.size === 0) this.#byVif.delete(vif);
    return true;
  }

  removeVif(vif: VifId): void {
    this.#byVif.delete(vif);
  }

  /** As smcroute has it, whatever came first: who names a source of a group wants no other one, any source or not. */
  filter(vif: VifId, group: Address): SourceFilter | undefined {
    const sources = this.#byVif.get(vif)?.get(group);
    if (!sources) return undefined;
    const named = new Set([...sources].filter((source) => source !== undefined));
    return named.size > 0 ? { mode: "include", sources: named } : ANY_SOURCE;
  }

  groups(vif: VifId): Iterable<Address> {
    return this.#byVif.get(vif)?.keys() ?? [];
  }

  list(): StaticJoin[] {
    const joins: StaticJoin[] = [];
    for (const [vif, groups] of this.#byVif)
      for (const [group, sources] of groups) for (const source of sources) joins.push({ vif, group, source });
    return joins;
  }
}
