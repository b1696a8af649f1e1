import { lookup } from "#protocol/forwarding/route-lookup.ts";
import { EXIT_WIRE, type RouteTable, type VifId } from "#protocol/forwarding/route-table.ts";
import { family, type Address } from "#wire/address.ts";
import type { LanVif } from "../lan-vif.ts";

/** A stream as the kernel's entry for it: interfaces by their index, TTL thresholds of those that it leaves by. */
export interface StreamPlan {
  readonly inInterface: number;
  readonly out: ReadonlyMap<number, number>;
  readonly outVifs: readonly VifId[];
}

export interface StreamKey {
  readonly vif: VifId;
  readonly source: Address;
  readonly group: Address;
}

/**
 * What the kernel would have to do for a stream; undefined where it cannot do all of it: somebody else than hosts on LANs
 * wants it, its TTL is raised, it leaves by a LAN with a rate limit, or it is of IPv6 and a LAN has a threshold (the
 * kernel has none there).
 */
export function planOf(
  { vif, source, group }: StreamKey,
  table: RouteTable,
  lans: ReadonlyMap<VifId, LanVif>,
  raised: ReadonlySet<Address>,
): StreamPlan | undefined {
  const from = lans.get(vif);
  if (!from || raised.has(group)) return undefined;
  const out = new Map<number, number>();
  const outVifs: VifId[] = [];
  for (const egress of lookup(table, vif, source, group)) {
    const lan = lans.get(egress.vif);
    if (!lan || egress.kind !== EXIT_WIRE) return undefined;
    const { ttlThreshold, rules } = lan.use;
    if (rules.bitsPerSecond !== null || (ttlThreshold > 1 && family(group) === 6)) return undefined;
    out.set(lan.interfaceIndex, ttlThreshold);
    outVifs.push(egress.vif);
  }
  return out.size === 0 ? undefined : { inInterface: from.interfaceIndex, out, outVifs };
}

export function samePlan(a: StreamPlan, b: StreamPlan): boolean {
  return (
    a.inInterface === b.inInterface &&
    a.out.size === b.out.size &&
    [...a.out].every(([index, ttl]) => b.out.get(index) === ttl)
  );
}
