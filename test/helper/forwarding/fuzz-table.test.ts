import { Forwarding } from "#protocol/forwarding/forwarding.ts";
import { lookupEgress, MAX_EGRESS } from "#protocol/forwarding/route-lookup.ts";
import { EXIT_LOCAL, EXIT_WIRE, MAX_VIFS, type RouteTable } from "#protocol/forwarding/route-table.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import type { VifOptions } from "#protocol/forwarding/vifs.ts";
import { sameFilter, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import { decodeMembershipEntry } from "#wire/control-membership.ts";
import { DecodeError } from "#wire/cursor.ts";
import { fuzzMachines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { MEMBERSHIP_ENTRIES } from "#test/helper/wire/fuzz-control-targets.ts";

const LIMITS = { maxGroupsPerExit: 64, maxSourcesPerFilter: 8, maxEntries: 256 };
const VIFS = 12;
const VIF_OPTIONS: readonly VifOptions[] = [
  { kind: "tun", upstream: false },
  { kind: "lan", upstream: true },
  { kind: "lan", upstream: true, passiveFor: new Set(["a"]) },
  { kind: "socket", upstream: true },
  ...(["a", "b"] as const).flatMap((network) =>
    [true, false].map((hostOfNetwork): VifOptions => ({
      kind: "peer",
      network,
      hostOfNetwork,
      upstream: true,
    })),
  ),
];

/** Vifs that come and go, and on each what peers and hosts say that they want, sensible or not. */
class Table implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #forwarding = new Forwarding({ ...LIMITS, scope: scopePolicy(), lanToLan: false });
  readonly #present = new Map<number, VifOptions>();
  /** What the changes that were told add up to. */
  readonly #told = new Map<number, Map<Address, SourceFilter>>();
  readonly #egress = new Uint32Array(MAX_EGRESS);
  #slots = 0;
  #wrong = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  step(): boolean {
    const random = this.#random;
    const vif = random.below(VIFS);
    if (random.oneIn(20)) this.#comeOrGo(vif);
    let understood = false;
    try {
      const { group, filter } = decodeMembershipEntry(mutate(random, MEMBERSHIP_ENTRIES));
      understood = true;
      if (this.#present.has(vif)) this.#listen(vif, group, filter);
      if (random.oneIn(50)) this.#static(vif, group);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
    for (const { vif: upstream, group, filter } of this.#forwarding.drainUpstreamChanges()) {
      if (filter) this.#told.get(upstream)!.set(group, filter);
      else this.#told.get(upstream)!.delete(group);
    }
    if (random.oneIn(50)) this.#lookUp(this.#forwarding.compile());
    return understood;
  }

  held() {
    const { groups } = this.#forwarding.dump();
    for (const [vif, told] of this.#told) {
      const wanted = this.#forwarding.upstreamWants(vif);
      if (told.size !== wanted.size) this.#wrong++;
      for (const [group, filter] of wanted)
        if (!sameFilter(told.get(group) ?? { mode: "include", sources: new Set() }, filter)) this.#wrong++;
    }
    const perExit = new Map<string, number>();
    let sources = 0;
    for (const { listeners } of groups)
      for (const { vif, exit, sources: listed } of listeners) {
        perExit.set(`${vif} ${exit}`, (perExit.get(`${vif} ${exit}`) ?? 0) + 1);
        sources = Math.max(sources, listed.length);
      }
    return {
      "groups of an exit": [Math.max(0, ...perExit.values()), LIMITS.maxGroupsPerExit],
      "sources of a filter": [sources, LIMITS.maxSourcesPerFilter],
      "slots of the table": [this.#slots, 4 * LIMITS.maxEntries],
      "joins that are not what is wanted": [this.#wrong, 0],
    } as const;
  }

  settle(): void {
    for (const vif of [...this.#present.keys()]) this.#comeOrGo(vif);
    for (const join of this.#forwarding.staticJoins())
      this.#forwarding.removeStaticJoin(join.vif, join.group, join.source);
    for (const route of this.#forwarding.staticRoutes()) this.#forwarding.removeStaticRoute(route);
    this.#forwarding.drainUpstreamChanges();
  }

  left() {
    const dump = this.#forwarding.dump();
    const { egress, prefixes } = this.#forwarding.compile();
    return {
      groups: dump.groups.length,
      "static entries": dump.staticJoins.length + dump.staticRoutes.length,
      "words of egress": egress.length + prefixes.length,
    };
  }

  #comeOrGo(vif: number): void {
    if (this.#present.delete(vif)) {
      this.#forwarding.removeVif(vif);
      this.#told.delete(vif);
      return;
    }
    const options = this.#random.pick(VIF_OPTIONS);
    this.#present.set(vif, options);
    this.#forwarding.addVif(vif, options);
    if (options.upstream) this.#told.set(vif, new Map());
  }

  #listen(
    vif: number,
    group: Address,
    filter: { mode: "include" | "exclude"; sources: readonly Address[] } | undefined,
  ) {
    const exit = this.#random.oneIn(3) ? EXIT_LOCAL : EXIT_WIRE;
    this.#forwarding.setListeners(
      vif,
      exit,
      group,
      filter && { mode: filter.mode, sources: new Set(filter.sources) },
    );
  }

  #static(vif: number, group: Address): void {
    if (!this.#present.has(vif)) return;
    if (this.#random.oneIn(2)) this.#forwarding.addStaticJoin(vif, group);
    else {
      const length = group.includes(":") ? 128 : 32;
      const outVifs = [...this.#present.keys()].slice(0, 3);
      this.#forwarding.addStaticRoute({
        inVif: vif,
        group: { address: group, length },
        source: undefined,
        outVifs,
      });
    }
    if (this.#forwarding.staticRoutes().length > 20)
      for (const route of this.#forwarding.staticRoutes()) this.#forwarding.removeStaticRoute(route);
    for (const join of this.#forwarding.staticJoins().slice(20))
      this.#forwarding.removeStaticJoin(join.vif, join.group);
  }

  #lookUp(table: RouteTable): void {
    this.#slots = table.capacityMask + 1;
    const key = Uint32Array.from({ length: 8 }, () => this.#random.below(2 ** 32));
    const count = lookupEgress(table, this.#random.below(MAX_VIFS), key, 0, 4, this.#egress);
    if (count > MAX_EGRESS) throw new Error(`${count} exits`);
  }
}

fuzzMachines([{ name: "the forwarding table", start: (random) => new Table(random) }]);
