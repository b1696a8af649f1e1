import { wantsSource, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import { writeAddressWords } from "./address-words.ts";
import {
  EXIT_LOCAL,
  SLOT_ANY_SOURCE,
  SLOT_EGRESS,
  SLOT_GROUP,
  SLOT_PROXY_ONLY,
  SLOT_SOURCE,
  SLOT_SOURCE_GROUP,
  SLOT_USED,
  SLOT_WORDS,
  egressKind,
  egressVif,
} from "./route-table.ts";
import type { Vifs } from "./vifs.ts";

/** One group's share of the table: slots whose egress offsets count from the start of its own egress words. */
export interface GroupRoutes {
  readonly slots: Uint32Array;
  readonly egress: Uint32Array;
}

/**
 * A (*,G) entry for sources that no listener names, and a complete (S,G) entry for each that one does: a source
 * in some EXCLUDE list is unwanted there and wanted by the rest. `proxyOnly`: for the proxy's interfaces alone.
 */
export function compileGroup(
  group: Address,
  listeners: ReadonlyMap<number, SourceFilter>,
  vifs: Vifs,
  proxyOnly: boolean,
): GroupRoutes {
  const hears = (word: number): boolean =>
    !proxyOnly || vifs.get(egressVif(word)).vifClass.role !== undefined;
  const flag = proxyOnly ? SLOT_PROXY_ONLY : 0;
  const words = [...listeners.keys()].filter(hears).sort((a, b) => rank(a, vifs) - rank(b, vifs) || a - b);
  const filters = words.map((word) => listeners.get(word)!);
  const named = new Set<Address>();
  for (const filter of filters) for (const source of filter.sources) named.add(source);

  const slots = new Uint32Array((named.size + 1) * SLOT_WORDS);
  const egress: number[] = [];
  const addEntry = (slot: number, wanted: (filter: SourceFilter) => boolean): void => {
    const offset = egress.length;
    egress.push(0);
    for (let i = 0; i < words.length; i++) if (wanted(filters[i]!)) egress.push(words[i]!);
    egress[offset] = egress.length - offset - 1;
    slots[slot + SLOT_EGRESS] = offset;
    writeAddressWords(slots, slot + SLOT_GROUP, group);
  };

  addEntry(0, (filter) => filter.mode === "exclude");
  slots[SLOT_USED] = SLOT_ANY_SOURCE | flag;
  let slot = 0;
  for (const source of named) {
    slot += SLOT_WORDS;
    addEntry(slot, (filter) => wantsSource(filter, source));
    slots[slot + SLOT_USED] = SLOT_SOURCE_GROUP | flag;
    writeAddressWords(slots, slot + SLOT_SOURCE, source);
  }
  return { slots, egress: Uint32Array.from(egress) };
}

/** Local exits first, the TUN's before a LAN's. */
function rank(word: number, vifs: Vifs): number {
  if (egressKind(word) !== EXIT_LOCAL) return 3;
  const { kind } = vifs.get(egressVif(word)).vifClass;
  return kind === "tun" ? 0 : kind === "lan" ? 1 : 2;
}
