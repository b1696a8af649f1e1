import { proxiesOf, sharedRanges, widest, type ProxyName } from "#protocol/discovery/presets.ts";
import { writeAddressWords } from "#protocol/forwarding/address-words.ts";
import { DEFAULT_SHARED, scopePolicy } from "#protocol/forwarding/scope.ts";
import { parsePrefix, prefixText, type Address } from "#wire/address.ts";
import type { Core } from "./core.ts";
import type { Networks } from "./networks.ts";
import type { SharingSettings } from "./store/sharing-settings.ts";

export interface SharingOptions {
  readonly core: Core;
  readonly networks: Networks;
  readonly settings: () => SharingSettings;
}

/** Which groups cross, and with which TTL: follows the presets, and what the hosts of joined networks share. */
export class Sharing {
  readonly #options: SharingOptions;
  #scope = "";
  #raised = "";

  constructor(options: SharingOptions) {
    this.#options = options;
  }

  /** What people chose has changed, or is known now. */
  changed(): void {
    const { core, networks, settings } = this.#options;
    const { presets, raiseTtl } = settings();
    networks.hosted?.setShared(sharedRanges(presets), proxiesOf(presets));
    networks.byFile.setShared(sharedRanges(presets), proxiesOf(presets));
    this.networksChanged();
    if (this.#raised !== raiseTtl.join()) {
      this.#raised = raiseTtl.join();
      const groups = new Uint32Array(4 * raiseTtl.length);
      for (const [i, group] of raiseTtl.entries()) writeAddressWords(groups, 4 * i, group);
      core.fastPath.send({ type: "raise-ttl", groups });
      core.tableChanged(); // what the kernel forwards has no TTL raised
    }
    core.changed();
    core.turn();
  }

  /** The ranges of a network have changed, or there is another one. */
  networksChanged(): void {
    const { core, networks } = this.#options;
    const ranges = widest([
      ...DEFAULT_SHARED.map(parsePrefix),
      ...(networks.hosted?.record.sharedRanges ?? []),
      ...[...networks.joined.values()].flatMap(({ record }) => record.sharedRanges),
      ...networks.byFile.sharedRanges,
    ]).map(prefixText);
    if (ranges.join() === this.#scope) return;
    this.#scope = ranges.join();
    core.forwarding.setScope(scopePolicy(ranges));
    core.tableChanged();
  }

  /** Groups that are carried although they enter with TTL 1. */
  raised(): ReadonlySet<Address> {
    return new Set(this.#options.settings().raiseTtl);
  }

  /** Proxies that this computer's own presets want. */
  proxies(): Set<ProxyName> {
    return proxiesOf(this.#options.settings().presets);
  }
}
