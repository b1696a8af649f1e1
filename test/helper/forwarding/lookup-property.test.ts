import * as fc from "fast-check";
import { expect, test } from "vitest";
import { lookup } from "#protocol/forwarding/route-lookup.ts";
import { EXIT_LOCAL, EXIT_WIRE, type VifId } from "#protocol/forwarding/route-table.ts";
import {
  mergeFilters,
  sameFilter,
  wantsSource,
  type SourceFilter,
} from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import { actions, GROUPS4, GROUPS6, ROUTABLE, SOURCES4, SOURCES6, World, isLink } from "./random-state.ts";

/** The rule in words, evaluated on the plain list of listeners. */
function expected(world: World, inVif: VifId, source: Address, group: Address): string[] {
  if (!ROUTABLE.has(group)) return [];
  const wanting = world.listeners.filter((l) => l.group === group && wantsSource(l.filter!, source));
  const wire = wanting.filter((l) => l.exit === EXIT_WIRE && world.mayForward(inVif, l.vif));
  const local = wanting.filter((l) => l.exit === EXIT_LOCAL);
  const rank = (vif: VifId): number => ["tun", "lan"].indexOf(world.vifs.get(vif)!.kind) >>> 0;
  const exits = wire.map((l) => `${l.vif} wire`);
  const options = world.vifs.get(inVif)!;
  const heardNatively = isLink(options) && options.upstream;
  if (!heardNatively && !local.some((l) => l.vif === inVif)) {
    const usable = local.filter((l) => world.mayForward(inVif, l.vif));
    usable.sort((a, b) => rank(a.vif) - rank(b.vif) || a.vif - b.vif);
    if (usable[0]) exits.push(`${usable[0].vif} local`);
  }
  return exits.sort();
}

function eachPacket(world: World, check: (inVif: VifId, source: Address, group: Address) => void): void {
  for (const inVif of world.vifs.keys())
    for (const [groups, sources] of [
      [GROUPS4, [...SOURCES4, "192.0.2.77"]],
      [GROUPS6, [...SOURCES6, "2001:db8::77"]],
    ] as const)
      for (const group of groups) for (const source of sources) check(inVif, source, group);
}

test("lookup in the compiled table equals a plain evaluation of the listeners", () => {
  fc.assert(
    fc.property(actions, fc.boolean(), (steps, lanToLan) => {
      const world = new World(lanToLan);
      for (const [i, step] of steps.entries()) {
        world.apply(step);
        if (i % 16 === 5) world.forwarding.compile(); // caches in between must not go stale
      }
      const table = world.forwarding.compile();
      eachPacket(world, (inVif, source, group) => {
        const found = lookup(table, inVif, source, group).map(
          ({ vif, kind }) => `${vif} ${kind === EXIT_LOCAL ? "local" : "wire"}`,
        );
        expect(found.sort(), `in ${inVif} (${source}, ${group})`).toEqual(
          expected(world, inVif, source, group),
        );
      });
    }),
    { numRuns: 150 },
  );
});

test("each upstream wants the sum of what the others want, and the changes add up to it", () => {
  fc.assert(
    fc.property(actions, fc.boolean(), fc.integer({ min: 1, max: 20 }), (steps, lanToLan, drainEvery) => {
      const world = new World(lanToLan);
      const told = new Map<VifId, Map<Address, SourceFilter>>();
      const drain = (): void => {
        for (const { vif, group, filter } of world.forwarding.drainUpstreamChanges()) {
          if (!told.has(vif)) told.set(vif, new Map());
          const before = told.get(vif)!.get(group);
          if (filter) {
            expect(before && sameFilter(before, filter), "a change that is none").not.toBe(true);
            told.get(vif)!.set(group, filter);
          } else {
            expect(before, "a leave of what was not joined").toBeDefined();
            told.get(vif)!.delete(group);
          }
        }
      };
      for (const [i, step] of steps.entries()) {
        world.apply(step);
        if (step.do === "remove-vif") told.delete(step.vif);
        if (i % drainEvery === 0) drain();
      }
      drain();
      expect(world.forwarding.drainUpstreamChanges()).toEqual([]);
      for (const [vif, { upstream }] of world.vifs) {
        const wants = world.forwarding.upstreamWants(vif);
        for (const group of [...GROUPS4, ...GROUPS6]) {
          const filters = world.listeners
            .filter((l) => ROUTABLE.has(group) && l.group === group && world.mayForward(vif, l.vif))
            .map((l) => l.filter!);
          const sum = filters.length > 0 ? filters.reduce(mergeFilters) : undefined;
          expect(wants.get(group), `${vif} ${group}`).toEqual(sum);
          expect(told.get(vif)?.get(group)).toEqual(upstream ? sum : undefined);
        }
      }
    }),
    { numRuns: 150 },
  );
});
