import type { VifId } from "#protocol/forwarding/route-table.ts";
import type { Core, RuntimeVif } from "./core.ts";
import { addressesOf } from "./routes-file/address-range.ts";
import type { StaticEntry } from "./store/static-entry.ts";

/** Static joins and routes (smcroute's mgroup and mroute) as long as the interfaces that they name are there. */
export class StaticEntries {
  readonly #core: Core;
  readonly #entries: () => readonly StaticEntry[];
  #active = new Set<string>();
  #vifsSeen = "";

  constructor(core: Core, entries: () => readonly StaticEntry[]) {
    this.#core = core;
    this.#entries = entries;
  }

  isActive(id: string): boolean {
    return this.#active.has(id);
  }

  /** To be called when vifs have come or gone, or entries changed. */
  refresh(): void {
    const { forwarding } = this.#core;
    for (const join of forwarding.staticJoins())
      forwarding.removeStaticJoin(join.vif, join.group, join.source);
    for (const route of forwarding.staticRoutes()) forwarding.removeStaticRoute(route);
    this.#active = new Set();
    for (const entry of this.#entries()) if (this.#apply(entry)) this.#active.add(entry.id);
    this.#core.tableChanged();
  }

  /** Peers come and go, and get their names, at any time. */
  vifsChanged(): void {
    if (this.#entries().length === 0) return;
    const names = this.#forwarding()
      .map((vif) => `${vif.id} ${vif.name}`)
      .join();
    if (names === this.#vifsSeen) return;
    this.#vifsSeen = names;
    this.refresh();
  }

  #apply({ group, source, fromVif, toVifs }: StaticEntry): boolean {
    const { forwarding } = this.#core;
    const from = this.#named(fromVif);
    if (from.length === 0) return false;
    if (toVifs.length === 0) {
      // Of the store these are one group and one source; a file may name ranges.
      const sources = source ? addressesOf(source) : [undefined];
      for (const vif of from)
        for (const address of addressesOf(group))
          for (const one of sources) forwarding.addStaticJoin(vif, address, one);
      return true;
    }
    const out = toVifs.flatMap((name) => this.#named(name));
    if (out.length === 0) return false;
    for (const inVif of from)
      forwarding.addStaticRoute({
        inVif,
        group,
        source: source ?? undefined,
        outVifs: out.filter((vif) => vif !== inVif),
      });
    return true;
  }

  /** The vifs of a name; one that ends in "+" stands for all that begin so. */
  #named(name: string): VifId[] {
    const matches = name.endsWith("+")
      ? (vif: { name: string }) => vif.name.startsWith(name.slice(0, -1))
      : (vif: { name: string }) => vif.name === name;
    return this.#forwarding()
      .filter(matches)
      .map((vif) => vif.id);
  }

  /** Peers that were not admitted yet carry nothing. */
  #forwarding(): RuntimeVif[] {
    return [...this.#core.vifs.values()].filter((vif) => this.#core.forwarding.hasVif(vif.id));
  }
}
