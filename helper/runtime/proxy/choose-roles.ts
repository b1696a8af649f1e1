import { isLan, type Link } from "#ports/links.ts";
import type { ProxyPlan } from "./plan.ts";

export interface Roles {
  readonly upstream: string | undefined;
  readonly downstream: readonly string[];
  /** Why nothing can cross; undefined: it can. */
  readonly problem: string | undefined;
}

export interface Surroundings {
  readonly links: readonly Link[];
  /** Interfaces that were the upstream by their default route before. */
  readonly earlier: ReadonlySet<string>;
  /** Is the interface switched off by hand? */
  readonly isOff: (name: string) => boolean;
}

/** Which interface is what to the proxy now (RFC 4605 section 2: one upstream, any number of downstreams). */
export function chooseRoles(plan: ProxyPlan, { links, earlier, isOff }: Surroundings): Roles {
  const usable = links.filter((link) => isLan(link) && link.running);
  const isThere = (name: string): boolean => usable.some((link) => link.name === name);
  const named = new Set([...plan.downstream, ...plan.disabled]);
  const upstream =
    plan.upstream ?? defaultRouteOf(usable.filter(({ name }) => !named.has(name) && !isOff(name)));
  const others = (): string[] => {
    // Without its default route an upstream looks like any LAN: queries and streams must not go there.
    if (upstream === undefined) return [];
    const isOther = (name: string): boolean =>
      name !== upstream && !named.has(name) && !earlier.has(name) && !isOff(name);
    return usable.map(({ name }) => name).filter(isOther);
  };
  const downstream = plan.downstream.length > 0 ? plan.downstream.filter(isThere) : others();
  return {
    upstream: upstream !== undefined && isThere(upstream) ? upstream : undefined,
    downstream,
    problem: problemOf(upstream, upstream !== undefined && isThere(upstream), downstream, plan.downstream),
  };
}

/** Of several the one that packets take. */
function defaultRouteOf(links: readonly Link[]): string | undefined {
  const metric = (link: Link): number => link.gateway4?.metric ?? Infinity;
  return links.filter((link) => link.defaultRoute).sort((a, b) => metric(a) - metric(b))[0]?.name;
}

function problemOf(
  upstream: string | undefined,
  isThere: boolean,
  downstream: readonly string[],
  named: readonly string[],
): string | undefined {
  if (upstream === undefined)
    return "No LAN interface has the default route. Name the one towards the sources: castaway proxy on --upstream INTERFACE";
  if (!isThere) return `The upstream interface ${upstream} is not there, or has no carrier.`;
  if (downstream.length > 0) return undefined;
  return named.length > 0
    ? `None of the downstream interfaces is there: ${named.join(", ")}.`
    : `There is no LAN interface beside the upstream ${upstream}.`;
}
