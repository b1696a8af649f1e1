import type { GroupRoutes } from "./group-routes.ts";
import {
  SLOT_EGRESS,
  SLOT_EMPTY,
  SLOT_GROUP,
  SLOT_SOURCE,
  SLOT_USED,
  SLOT_WORDS,
  hashKey,
  type RouteTable,
} from "./route-table.ts";
import { compileStaticRoutes, type StaticRoute } from "./static-routes.ts";
import type { ScopePolicy } from "./scope.ts";
import type { Vifs } from "./vifs.ts";

const MIN_CAPACITY = 16;

/** Puts the groups' shares into one table, at most half full. */
export function assembleTable(
  groups: readonly GroupRoutes[],
  staticRoutes: Iterable<StaticRoute>,
  scope: ScopePolicy,
  vifs: Vifs,
): RouteTable {
  let entries = 0;
  let egressWords = 0;
  for (const { slots, egress } of groups) {
    entries += slots.length / SLOT_WORDS;
    egressWords += egress.length;
  }
  let capacity = MIN_CAPACITY;
  while (capacity < 2 * entries) capacity *= 2;
  const fixed = compileStaticRoutes(staticRoutes, scope, vifs, egressWords);

  const slots = new Uint32Array(capacity * SLOT_WORDS);
  const egress = new Uint32Array(egressWords + fixed.egress.length);
  let base = 0;
  for (const group of groups) {
    egress.set(group.egress, base);
    for (let from = 0; from < group.slots.length; from += SLOT_WORDS)
      insert(slots, capacity - 1, group.slots, from, base);
    base += group.egress.length;
  }
  egress.set(fixed.egress, base);
  return {
    capacityMask: capacity - 1,
    slots,
    egress,
    prefixes: fixed.prefixes,
    allowed: vifs.allowed(),
    native: vifs.native(),
    ...vifs.marks(),
  };
}

function insert(slots: Uint32Array, mask: number, entry: Uint32Array, from: number, base: number): void {
  let i = hashKey(entry, from + SLOT_GROUP, from + SLOT_SOURCE) & mask;
  while (slots[i * SLOT_WORDS + SLOT_USED] !== SLOT_EMPTY) i = (i + 1) & mask;
  const to = i * SLOT_WORDS;
  for (let word = 0; word < SLOT_WORDS; word++) slots[to + word] = entry[from + word]!;
  slots[to + SLOT_EGRESS] = entry[from + SLOT_EGRESS]! + base;
}
