import * as fc from "fast-check";
import { Forwarding, FORWARDING_LIMITS } from "#protocol/forwarding/forwarding.ts";
import { EXIT_LOCAL, EXIT_WIRE, type ExitKind, type VifId } from "#protocol/forwarding/route-table.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import type { VifOptions } from "#protocol/forwarding/vifs.ts";
import { isNothing, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";

// Random forwarding states, and the plain list of facts that they stand for.

export const GROUPS4 = ["239.1.1.1", "232.9.9.9", "224.0.0.251", "239.255.255.250"];
export const GROUPS6 = ["ff1e::1", "ff3e::8000:1", "ff02::fb", "ff12::7", "ff05::1:3"];
export const SOURCES4 = ["10.0.0.1", "10.0.0.2", "10.7.0.3"];
export const SOURCES6 = ["2001:db8::1", "2001:db8::2", "fd00::3"];
export const ROUTABLE = new Set(["239.1.1.1", "232.9.9.9", "ff1e::1", "ff3e::8000:1"]);

export interface Listener {
  readonly vif: VifId;
  readonly exit: ExitKind;
  readonly group: Address;
  readonly filter: SourceFilter | undefined;
}

export type Action =
  | { readonly do: "listen"; readonly listener: Listener }
  | { readonly do: "remove-vif"; readonly vif: VifId }
  /** LANs alone. */
  | { readonly do: "set-passive"; readonly vif: VifId; readonly passiveFor: ReadonlySet<string> }
  | { readonly do: "add-vif"; readonly vif: VifId; readonly options: VifOptions };

const vifId = fc.integer({ min: 0, max: 9 });
const passiveFor = fc.subarray(["a", "b"]).map((networks) => new Set(networks));
const vifOptions: fc.Arbitrary<VifOptions> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("tun" as const, "lan" as const, "socket" as const),
    upstream: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("lan" as const), passiveFor, upstream: fc.boolean() }),
  fc.record({
    kind: fc.constant("peer" as const),
    network: fc.constantFrom("a", "b"),
    hostOfNetwork: fc.boolean(),
    upstream: fc.boolean(),
  }),
);

const listener: fc.Arbitrary<Listener> = fc.boolean().chain((v6) =>
  fc.record({
    vif: vifId,
    exit: fc.constantFrom(EXIT_WIRE, EXIT_LOCAL) as fc.Arbitrary<ExitKind>,
    group: fc.constantFrom(...(v6 ? GROUPS6 : GROUPS4)),
    filter: fc.option(
      fc.record({
        mode: fc.constantFrom("include" as const, "exclude" as const),
        sources: fc.subarray(v6 ? SOURCES6 : SOURCES4).map((sources) => new Set(sources)),
      }),
      { nil: undefined },
    ),
  }),
);

const change: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: listener.map((listener) => ({ do: "listen" as const, listener })) },
  { weight: 1, arbitrary: vifId.map((vif) => ({ do: "remove-vif" as const, vif })) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("set-passive" as const), vif: vifId, passiveFor }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("add-vif" as const), vif: vifId, options: vifOptions }),
  },
);

/** Ten vifs of any kinds, then changes. */
export const actions: fc.Arbitrary<Action[]> = fc
  .tuple(
    fc.array(vifOptions, { minLength: 10, maxLength: 10 }),
    fc.array(change, { maxLength: 80, size: "max" }),
  )
  .map(([vifs, changes]) => [
    ...vifs.map((options, vif) => ({ do: "add-vif" as const, vif, options })),
    ...changes,
  ]);

/** Forwarding and the facts, driven together. Actions that name a vif wrongly are skipped. */
export class World {
  readonly forwarding: Forwarding;
  readonly lanToLan: boolean;
  readonly vifs = new Map<VifId, VifOptions>();
  listeners: Listener[] = [];

  constructor(lanToLan: boolean) {
    this.lanToLan = lanToLan;
    this.forwarding = new Forwarding({ scope: scopePolicy(), lanToLan, ...FORWARDING_LIMITS });
  }

  apply(action: Action): void {
    if (action.do === "add-vif") {
      if (this.vifs.has(action.vif)) return;
      this.vifs.set(action.vif, action.options);
      this.forwarding.addVif(action.vif, action.options);
    } else if (action.do === "remove-vif") {
      this.vifs.delete(action.vif);
      this.listeners = this.listeners.filter(({ vif }) => vif !== action.vif);
      this.forwarding.removeVif(action.vif);
    } else if (action.do === "set-passive") {
      const options = this.vifs.get(action.vif);
      if (options?.kind !== "lan") return;
      const changed = { ...options, passiveFor: action.passiveFor };
      this.vifs.set(action.vif, changed);
      this.forwarding.changeVif(action.vif, changed);
    } else {
      const { vif, exit, group, filter } = action.listener;
      if (!this.vifs.has(vif)) return;
      this.listeners = this.listeners.filter((l) => l.vif !== vif || l.exit !== exit || l.group !== group);
      if (filter && !isNothing(filter)) this.listeners.push(action.listener);
      this.forwarding.setListeners(vif, exit, group, filter);
    }
  }

  mayForward(from: VifId, to: VifId): boolean {
    const [a, b] = [this.vifs.get(from)!, this.vifs.get(to)!];
    if (from === to) return false;
    if (isLink(a) && isLink(b)) return this.lanToLan;
    const passive = new Set([...this.vifs.values()].flatMap((vif) => [...(vif.passiveFor ?? [])]));
    if (b.kind === "tun" && a.kind === "peer") return !passive.has(a.network!);
    if (a.kind === "tun" && b.kind === "lan") return !b.passiveFor?.size;
    if (a.kind === "lan" && b.kind === "peer") return !a.passiveFor?.has(b.network!);
    if (a.kind === "peer" && b.kind === "lan") return !b.passiveFor?.has(a.network!);
    if (a.kind === "peer" && b.kind === "peer")
      return a.network === b.network && a.hostOfNetwork === true && b.hostOfNetwork === true;
    return true;
  }
}

export function isLink({ kind }: VifOptions): boolean {
  return kind === "lan" || kind === "socket";
}
