import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import type { ForwardingDrops } from "./forwarding.ts";
import type { GroupListeners } from "./group-listeners.ts";
import { EXIT_LOCAL, egressKind, egressVif, type VifId } from "./route-table.ts";
import type { GroupRefusal } from "./scope.ts";
import type { StaticJoin } from "./static-joins.ts";
import type { StaticRoute } from "./static-routes.ts";
import type { UpstreamJoins } from "./upstream-joins.ts";
import type { Vifs } from "./vifs.ts";

/** Plain data, fit for JSON: what a person wants to see of the table. */
export interface ForwardingDump {
  readonly groups: readonly GroupDump[];
  readonly staticJoins: readonly StaticJoin[];
  readonly staticRoutes: readonly StaticRoute[];
  readonly drops: ForwardingDrops;
}

export interface GroupDump {
  readonly group: Address;
  /** Why the group does not cross although somebody listens; undefined where it does. */
  readonly refusal: GroupRefusal | undefined;
  readonly listeners: readonly (FilterDump & { readonly vif: VifId; readonly exit: "wire" | "local" })[];
  /** As of the last `drainUpstreamChanges`. */
  readonly upstream: readonly (FilterDump & { readonly vif: VifId })[];
}

export interface FilterDump {
  readonly mode: "include" | "exclude";
  readonly sources: readonly Address[];
}

export function forwardingDump(
  groups: ReadonlyMap<Address, { listeners: GroupListeners; refusal: GroupRefusal | undefined }>,
  vifs: Vifs,
  upstream: UpstreamJoins,
  rest: Omit<ForwardingDump, "groups">,
): ForwardingDump {
  const names = new Set(groups.keys());
  for (const join of rest.staticJoins) names.add(join.group);
  const dumped = [...names].sort().map((group): GroupDump => {
    const known = groups.get(group);
    return {
      group,
      refusal: known?.refusal,
      listeners: Array.from(known?.listeners.listeners() ?? [], ([word, filter]) => ({
        vif: egressVif(word),
        exit: egressKind(word) === EXIT_LOCAL ? ("local" as const) : ("wire" as const),
        ...filterDump(filter),
      })),
      upstream: Array.from(vifs.values()).flatMap(({ id }) => {
        const filter = upstream.joined(id)?.get(group);
        return filter ? [{ vif: id, ...filterDump(filter) }] : [];
      }),
    };
  });
  return { groups: dumped, ...rest };
}

function filterDump(filter: SourceFilter): FilterDump {
  return { mode: filter.mode, sources: [...filter.sources].sort() };
}
