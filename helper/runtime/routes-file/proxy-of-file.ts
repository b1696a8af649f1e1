import { NO_RULES, type ProxyPlan } from "../proxy/plan.ts";
import type { Place, Statement } from "./grammar.ts";

/** The proxy that the file's phyint lines make; undefined: none of them has a part in one. */
export function proxyOfFile(
  statements: readonly Statement[],
  path: string,
  error: (at: Place, message: string) => void,
): ProxyPlan | undefined {
  const phyints = statements.filter((one) => one.kind === "phyint");
  const byName = new Map(phyints.map((one) => [one.name, one]));
  const of = (role: string): string[] =>
    [...byName.values()].filter(({ proxy }) => proxy?.role === role).map(({ name }) => name);
  const [upstream, second] = of("upstream");
  const quickLeave = statements.find((one) => one.kind === "quickleave");
  if (second !== undefined)
    error(
      byName.get(second)!.at,
      `a proxy has one upstream interface, which is ${upstream}: ${second} cannot be another one`,
    );
  const downstream = of("downstream");
  if (upstream === undefined && downstream.length === 0) {
    if (quickLeave)
      error(quickLeave.at, "quickleave belongs to a proxy: no phyint line is upstream or downstream");
    return undefined;
  }
  return {
    upstream,
    downstream,
    disabled: [...byName.values()].filter(({ enabled }) => !enabled).map(({ name }) => name),
    quickLeave: quickLeave !== undefined,
    origin: path,
    rulesOf: (name) => byName.get(name)?.proxy ?? NO_RULES,
  };
}
