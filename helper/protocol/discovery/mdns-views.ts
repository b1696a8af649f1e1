import type { Address } from "#wire/address.ts";
import type { ServiceEntry, ServiceRecord } from "#wire/control-services.ts";
import type { LinkRecords } from "./link-records.ts";
import { recordKey } from "./mdns.ts";
import type { ProxyLinkOptions, ProxyOptions, ProxyPeerOptions } from "./proxy-options.ts";
import type { UniqueNames } from "./unique-names.ts";

/** Records shown on a link live this long, so that what a lost tunnel leaves behind is soon gone. */
const SHOWN_TTL = 120;
const MAX_SHOWN = 2_048;
/** As many as the topic of soft state has. */
const MAX_TOLD = 1_024;

/** All links of this computer are one side: a name that is on two of them is the same. */
export const HERE = "here";

export function sideOf(peer: number): string {
  return `peer ${peer}`;
}

export interface ViewedLink {
  readonly options: ProxyLinkOptions;
  readonly heard: LinkRecords;
}

export interface ViewedPeer {
  readonly options: ProxyPeerOptions;
  readonly records: readonly ServiceEntry[];
}

/** Who sees what: by recordKey, under the names that everybody knows, with addresses that are worth something there. */
export class MdnsViews {
  /** Records for which there was no room, each time that it was looked at. */
  refused = 0;
  readonly #options: ProxyOptions;
  readonly #names: UniqueNames;

  constructor(options: ProxyOptions, names: UniqueNames) {
    this.#options = options;
    this.#names = names;
  }

  /** What the peers tell, on a link: without what is there already. */
  shownOn(link: ViewedLink, peers: ReadonlyMap<number, ViewedPeer>): Map<string, ServiceRecord> {
    const shown = new Map<string, ServiceRecord>();
    for (const [id, { options, records }] of peers) {
      const { network } = options;
      if (link.options.passiveFor.has(network)) continue;
      for (const told of records) {
        const known = this.#names.publicRecord(sideOf(id), told);
        const record = known && translated(known, (address) => this.#options.importAddress(network, address));
        if (!record) continue;
        const { name, data } = record;
        const key = recordKey(record);
        if (link.heard.has(key)) continue;
        if (shown.size >= MAX_SHOWN) this.refused++;
        else shown.set(key, { name, data, ttl: Math.min(record.ttl, SHOWN_TTL) });
      }
    }
    return shown;
  }

  /** What is heard on the links, where the peer may know, and what the other peers of its network tell. */
  toldTo(
    peerId: number,
    peers: ReadonlyMap<number, ViewedPeer>,
    links: Iterable<ViewedLink>,
  ): Map<string, ServiceEntry> {
    const { network, tells } = peers.get(peerId)!.options;
    const told = new Map<string, ServiceEntry>();
    const add = (entry: ServiceEntry): void => {
      const key = recordKey(entry);
      if (told.has(key)) return;
      if (told.size >= MAX_TOLD) this.refused++;
      else told.set(key, entry);
    };
    for (const { options, heard } of links) {
      if (!tells || options.passiveFor.has(network)) continue;
      for (const { record, shared } of heard.values()) {
        const known = shared ? this.#names.publicRecord(HERE, record) : undefined;
        const exported =
          known && translated(known, (address) => this.#options.exportAddress(network, address));
        if (exported) add({ ...exported, origin: this.#options.origin });
      }
    }
    for (const [otherId, other] of peers) {
      if (otherId === peerId || other.options.network !== network) continue;
      for (const entry of other.records) {
        const known = this.#names.publicRecord(sideOf(otherId), entry);
        if (known) add(known);
      }
    }
    return told;
  }
}

function translated(
  record: ServiceRecord,
  translate: (address: Address) => Address | undefined,
): ServiceRecord | undefined {
  const { data } = record;
  if (data.type !== "A" && data.type !== "AAAA") return record;
  const address = translate(data.address);
  if (address === undefined) return undefined;
  return address === data.address ? record : { ...record, data: { type: data.type, address } };
}
