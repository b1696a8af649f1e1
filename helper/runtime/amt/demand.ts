import type { VifId } from "#protocol/forwarding/route-table.ts";
import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import type { Core, Demand } from "../core.ts";

/**
 * What programs of this computer and hosts of its LANs want together (RFC 4605), as an AMT gateway would ask it of its
 * relay. Which relay gets which part is decided behind it.
 */
export class AmtDemand implements Demand {
  readonly id: VifId;
  readonly wanted = new Map<Address, SourceFilter>();
  readonly #changed: () => void;

  constructor(core: Core, id: VifId, changed: () => void) {
    this.id = id;
    this.#changed = changed;
    core.addDemand(this, "amt-gateway");
  }

  upstreamWants(group: Address, filter: SourceFilter | undefined): void {
    if (filter) this.wanted.set(group, filter);
    else this.wanted.delete(group);
    this.#changed();
  }
}
