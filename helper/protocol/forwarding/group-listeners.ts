import { sameFilter, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import { FilterSum } from "./filter-sum.ts";
import { compileGroup, type GroupRoutes } from "./group-routes.ts";
import { EXIT_LOCAL, EXIT_WIRE, egressWord } from "./route-table.ts";
import type { Vif, VifClass, Vifs } from "./vifs.ts";

interface ClassTotal {
  readonly sum: FilterSum;
  readonly result: SourceFilter | undefined;
}

/** One group: who listens on which exit of which vif, and what follows from it. */
export class GroupListeners {
  readonly group: Address;
  /** The proxy's interfaces alone may have it. After a change: `forget`. */
  proxyOnly = false;
  readonly #vifs: Vifs;
  readonly #byWord = new Map<number, SourceFilter>();
  readonly #byClass = new Map<VifClass, FilterSum>();
  /** By class of the vif that a packet comes in on: what all classes that it may go to want. */
  readonly #totals = new Map<VifClass, ClassTotal>();
  #routes: GroupRoutes | undefined;

  constructor(group: Address, vifs: Vifs) {
    this.group = group;
    this.#vifs = vifs;
  }

  get isEmpty(): boolean {
    return this.#byWord.size === 0;
  }

  /** Filters by egress word. */
  listeners(): ReadonlyMap<number, SourceFilter> {
    return this.#byWord;
  }

  /** Returns whether anything changed. The filter is kept, so it must not be changed afterwards. */
  set(vif: Vif, word: number, filter: SourceFilter | undefined): boolean {
    const before = this.#byWord.get(word);
    if (before === filter || (before && filter && sameFilter(before, filter))) return false;
    const sum = this.#sumOf(vif.vifClass);
    if (before) sum.remove(before);
    if (filter) {
      sum.add(filter);
      this.#byWord.set(word, filter);
    } else this.#byWord.delete(word);
    this.forget();
    return true;
  }

  /** To be called when the rules between classes change. */
  forget(): void {
    this.#totals.clear();
    this.#routes = undefined;
  }

  /** What all vifs that may receive from `upstream` want together; undefined: nothing. */
  wantedFrom(upstream: Vif): SourceFilter | undefined {
    const total = this.#total(upstream.vifClass);
    const wire = this.#byWord.get(egressWord(upstream.id, EXIT_WIRE));
    const local = this.#byWord.get(egressWord(upstream.id, EXIT_LOCAL));
    if (this.proxyOnly && upstream.vifClass.role === undefined) return undefined;
    const ownCounts = this.#vifs.mayJoinClass(upstream.vifClass, upstream.vifClass);
    if (!ownCounts || (!wire && !local)) return total.result;
    // Split horizon: its own listeners are no reason to join towards it.
    if (wire) total.sum.remove(wire);
    if (local) total.sum.remove(local);
    const result = total.sum.result();
    if (wire) total.sum.add(wire);
    if (local) total.sum.add(local);
    return result;
  }

  routes(): GroupRoutes {
    this.#routes ??= compileGroup(this.group, this.#byWord, this.#vifs, this.proxyOnly);
    return this.#routes;
  }

  #total(vifClass: VifClass): ClassTotal {
    let total = this.#totals.get(vifClass);
    if (!total) {
      const sum = new FilterSum();
      for (const [other, part] of this.#byClass)
        if (this.#vifs.mayJoinClass(vifClass, other) && !(this.proxyOnly && other.role === undefined))
          sum.merge(part);
      total = { sum, result: sum.result() };
      this.#totals.set(vifClass, total);
    }
    return total;
  }

  #sumOf(vifClass: VifClass): FilterSum {
    let sum = this.#byClass.get(vifClass);
    if (!sum) {
      sum = new FilterSum();
      this.#byClass.set(vifClass, sum);
    }
    return sum;
  }
}
