import {
  ANY_SOURCE,
  isNothing,
  mergeFilters,
  type SourceFilter,
} from "#protocol/membership/source-filter.ts";
import { isMulticast, type Address } from "#wire/address.ts";
import { forwardingDump, type ForwardingDump } from "./forwarding-dump.ts";
import { GroupListeners } from "./group-listeners.ts";
import type { GroupRoutes } from "./group-routes.ts";
import {
  EXIT_LOCAL,
  EXIT_WIRE,
  SLOT_WORDS,
  egressWord,
  type ExitKind,
  type RouteTable,
  type VifId,
} from "./route-table.ts";
import { groupRefusal, isForwardableSource, type GroupRefusal, type ScopePolicy } from "./scope.ts";
import { StaticJoins, type StaticJoin } from "./static-joins.ts";
import { checkStaticRoute, staticRouteKey, type StaticRoute } from "./static-routes.ts";
import { assembleTable } from "./table-compiler.ts";
import { UpstreamJoins, type UpstreamChange } from "./upstream-joins.ts";
import { Vifs, type Vif, type VifOptions } from "./vifs.ts";

export interface ForwardingOptions {
  readonly scope: ScopePolicy;
  readonly lanToLan: boolean;
  readonly maxGroupsPerExit: number;
  readonly maxSourcesPerFilter: number;
  /** Slots that a compiled table may use; groups that no longer fit are not forwarded, and counted. */
  readonly maxEntries: number;
}

export const FORWARDING_LIMITS = { maxGroupsPerExit: 4096, maxSourcesPerFilter: 256, maxEntries: 65_536 };

/** What did not fit or did not belong: counts of events, but for the last, which is of the last compile. */
export interface ForwardingDrops {
  tooManyGroups: number;
  tooManySources: number;
  badGroups: number;
  badSources: number;
  groupsNotCompiled: number;
}

const EXITS: readonly ExitKind[] = [EXIT_WIRE, EXIT_LOCAL];

interface Group {
  readonly listeners: GroupListeners;
  refusal: GroupRefusal | undefined;
}

/** Who listens where, who may forward to whom: compiled for the fast path, and summed up for each upstream. */
export class Forwarding {
  readonly drops: ForwardingDrops = {
    tooManyGroups: 0,
    tooManySources: 0,
    badGroups: 0,
    badSources: 0,
    groupsNotCompiled: 0,
  };
  readonly #options: ForwardingOptions;
  readonly #vifs: Vifs;
  #scope: ScopePolicy;
  readonly #groups = new Map<Address, Group>();
  readonly #byExit = new Map<number, Set<Address>>(); // groups by egress word
  readonly #upstream = new UpstreamJoins();
  readonly #staticJoins = new StaticJoins();
  readonly #staticRoutes = new Map<string, StaticRoute>();

  constructor(options: ForwardingOptions) {
    this.#options = options;
    this.#scope = options.scope;
    this.#vifs = new Vifs(options.lanToLan);
  }

  /** Throws where the number is taken or out of range. */
  addVif(id: VifId, options: VifOptions): void {
    const vif = this.#vifs.add(id, options);
    if (vif.upstream) this.#upstream.addVif(id);
    if (vif.vifClass.role) this.#judgeAll();
    else if (vif.vifClass.passiveFor.size > 0) this.#rulesChanged();
  }

  hasVif(id: VifId): boolean {
    return this.#vifs.find(id) !== undefined;
  }

  /** Forgets the vif with its listeners, static joins and routes; its number may be used again. */
  removeVif(id: VifId): void {
    if (!this.#vifs.find(id)) return;
    for (const exit of EXITS) {
      for (const group of this.#byExit.get(egressWord(id, exit)) ?? [])
        this.#apply(id, exit, group, undefined);
      this.#byExit.delete(egressWord(id, exit));
    }
    this.#staticJoins.removeVif(id);
    for (const [key, route] of this.#staticRoutes) {
      if (route.inVif === id) this.#staticRoutes.delete(key);
      else if (route.outVifs.includes(id))
        this.#staticRoutes.set(key, { ...route, outVifs: route.outVifs.filter((out) => out !== id) });
    }
    this.#upstream.removeVif(id);
    const { passiveFor, role } = this.#vifs.get(id).vifClass;
    this.#vifs.remove(id);
    if (role) this.#judgeAll();
    else if (passiveFor.size > 0) this.#rulesChanged();
  }

  /** Changes what may pass the vif. Its listeners, static joins and routes stay. */
  changeVif(id: VifId, options: VifOptions): void {
    const kept = EXITS.flatMap((exit) =>
      [...(this.#byExit.get(egressWord(id, exit)) ?? [])].map((group) => ({
        exit,
        group,
        filter: this.#groups.get(group)!.listeners.listeners().get(egressWord(id, exit)),
      })),
    );
    for (const { exit, group } of kept) this.#apply(id, exit, group, undefined);
    this.#vifs.change(id, options);
    for (const { exit, group, filter } of kept) this.#apply(id, exit, group, filter);
    this.#judgeAll();
  }

  /** What listeners behind one exit of a vif want of a group; undefined: nobody listens. Keeps `filter`. */
  setListeners(vif: VifId, exit: ExitKind, group: Address, filter: SourceFilter | undefined): void {
    const word = egressWord(this.#vifs.get(vif).id, exit);
    const groups = this.#byExit.get(word);
    const wanted = filter && this.#admissible(group, filter);
    if (wanted && !groups?.has(group) && (groups?.size ?? 0) >= this.#options.maxGroupsPerExit) {
      this.drops.tooManyGroups++;
      return;
    }
    this.#apply(vif, exit, group, wanted);
  }

  /** The same for all groups at once: those that `wanted` does not name have no listener any more. */
  replaceListeners(vif: VifId, exit: ExitKind, wanted: ReadonlyMap<Address, SourceFilter>): void {
    for (const group of this.#byExit.get(egressWord(vif, exit)) ?? [])
      if (!wanted.has(group)) this.#apply(vif, exit, group, undefined);
    for (const [group, filter] of wanted) this.setListeners(vif, exit, group, filter);
  }

  addStaticJoin(vif: VifId, group: Address, source?: Address): void {
    this.#vifs.get(vif);
    if (!isMulticast(group)) throw new RangeError(`${group} is no group`);
    if (this.#staticJoins.add({ vif, group, source })) this.#upstream.groupChanged(group);
  }

  removeStaticJoin(vif: VifId, group: Address, source?: Address): void {
    if (this.#staticJoins.remove({ vif, group, source })) this.#upstream.groupChanged(group);
  }

  staticJoins(): StaticJoin[] {
    return this.#staticJoins.list();
  }

  /** Replaces a route of the same in-vif, source and group. Throws RangeError for ranges that are none of groups. */
  addStaticRoute(route: StaticRoute): void {
    checkStaticRoute(route);
    for (const vif of route.outVifs) this.#vifs.get(vif);
    if (route.inVif !== "any") this.#vifs.get(route.inVif);
    this.#staticRoutes.set(staticRouteKey(route), route);
  }

  removeStaticRoute(route: Omit<StaticRoute, "outVifs">): boolean {
    return this.#staticRoutes.delete(staticRouteKey(route));
  }

  staticRoutes(): StaticRoute[] {
    return [...this.#staticRoutes.values()];
  }

  setScope(scope: ScopePolicy): void {
    this.#scope = scope;
    this.#judgeAll();
  }

  setLanToLan(lanToLan: boolean): void {
    this.#vifs.setLanToLan(lanToLan);
    this.#rulesChanged();
  }

  /** Do the rules let the group cross from one vif to another at all? */
  mayCross(group: Address): boolean {
    return groupRefusal(this.#scope, group) === undefined;
  }

  /** Every call makes a table of its own, which may be handed over. */
  compile(): RouteTable {
    const parts: GroupRoutes[] = [];
    let entries = 0;
    this.drops.groupsNotCompiled = 0;
    for (const { listeners, refusal } of this.#groups.values()) {
      if (refusal || listeners.isEmpty) continue;
      const routes = listeners.routes();
      const size = routes.slots.length / SLOT_WORDS;
      if (entries + size > this.#options.maxEntries) this.drops.groupsNotCompiled++;
      else {
        entries += size;
        parts.push(routes);
      }
    }
    return assembleTable(parts, this.#staticRoutes.values(), this.#scope, this.#vifs);
  }

  /** Everything to be joined towards a vif: what all vifs that may receive from it want, and the static joins. */
  upstreamWants(vif: VifId): Map<Address, SourceFilter> {
    const wants = new Map<Address, SourceFilter>();
    for (const group of new Set([...this.#groups.keys(), ...this.#staticJoins.groups(vif)])) {
      const filter = this.#wanted(this.#vifs.get(vif), group);
      if (filter) wants.set(group, filter);
    }
    return wants;
  }

  /** What changed in `upstreamWants` of the vifs that are upstreams since the last call. */
  drainUpstreamChanges(): UpstreamChange[] {
    return this.#upstream.drain(
      (vif) => this.upstreamWants(vif),
      (vif, group) => this.#wanted(this.#vifs.get(vif), group),
    );
  }

  dump(): ForwardingDump {
    return forwardingDump(this.#groups, this.#vifs, this.#upstream, {
      staticJoins: this.staticJoins(),
      staticRoutes: this.staticRoutes(),
      drops: { ...this.drops },
    });
  }

  #apply(id: VifId, exit: ExitKind, address: Address, filter: SourceFilter | undefined): void {
    const vif = this.#vifs.get(id);
    const word = egressWord(id, exit);
    let group = this.#groups.get(address);
    if (!group) {
      if (!filter) return;
      group = { listeners: new GroupListeners(address, this.#vifs), refusal: undefined };
      this.#judge(address, group);
      this.#groups.set(address, group);
    }
    if (!group.listeners.set(vif, word, filter)) return;
    this.#index(word, address, filter !== undefined);
    if (group.listeners.isEmpty) this.#groups.delete(address);
    this.#upstream.groupChanged(address);
  }

  #index(word: number, group: Address, listening: boolean): void {
    const groups = this.#byExit.get(word) ?? new Set();
    if (listening) this.#byExit.set(word, groups.add(group));
    else groups.delete(group);
  }

  #wanted(vif: Vif, address: Address): SourceFilter | undefined {
    const group = this.#groups.get(address);
    const joined = this.#staticJoins.filter(vif.id, address);
    if (group ? group.refusal : joined && groupRefusal(this.#scope, address)) return undefined;
    const listeners = group?.listeners.wantedFrom(vif);
    return joined && listeners ? mergeFilters(joined, listeners) : (joined ?? listeners);
  }

  /** The filter without what cannot be a source of the group, cut to the bound. */
  #admissible(group: Address, filter: SourceFilter): SourceFilter | undefined {
    if (isNothing(filter)) return undefined;
    if (!isMulticast(group)) {
      this.drops.badGroups++;
      return undefined;
    }
    if (filter.sources.size === 0) return ANY_SOURCE;
    const good = [...filter.sources].filter((source) => isForwardableSource(source, group));
    this.drops.badSources += filter.sources.size - good.length;
    const kept = good.slice(0, this.#options.maxSourcesPerFilter);
    this.drops.tooManySources += good.length - kept.length;
    if (kept.length === filter.sources.size) return filter;
    const cut: SourceFilter = { mode: filter.mode, sources: new Set(kept) };
    return isNothing(cut) ? undefined : cut;
  }

  /** What is not shared with members crosses between the proxy's interfaces all the same: that is routing, not sharing. */
  #judge(address: Address, group: Group): void {
    const refusal = groupRefusal(this.#scope, address);
    group.listeners.proxyOnly = refusal === "not-shared" && this.#vifs.proxies;
    group.refusal = group.listeners.proxyOnly ? undefined : refusal;
  }

  #judgeAll(): void {
    for (const [address, group] of this.#groups) this.#judge(address, group);
    this.#rulesChanged();
  }

  #rulesChanged(): void {
    for (const [group, { listeners }] of this.#groups) {
      listeners.forget();
      this.#upstream.groupChanged(group);
    }
    for (const { group } of this.#staticJoins.list()) this.#upstream.groupChanged(group);
  }
}
