import { LanVif } from "../lan-vif.ts";
import type { RuntimeVif } from "../core.ts";
import { membershipOf } from "./vif-view.ts";

/** What reports could not have, summed up over all vifs: reasons with no case are left out. */
export function membershipCounters(vifs: Iterable<RuntimeVif>): Record<string, number> {
  const counters: Record<string, number> = {};
  const add = (name: string, count: number): void => {
    if (count > 0) counters[`membership.${name}`] = (counters[`membership.${name}`] ?? 0) + count;
  };
  for (const vif of vifs) {
    if (vif instanceof LanVif) add("refused-by-rules", vif.refusedReports);
    const membership = membershipOf(vif);
    if (!membership) continue;
    for (const [reason, count] of membership.refused) add(`refused-${reason}`, count);
    for (const family of [4, 6] as const)
      for (const [reason, count] of Object.entries(membership.queriers[family].drops))
        add(`dropped-${reason.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, Number(count));
  }
  return counters;
}
