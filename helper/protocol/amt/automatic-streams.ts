import type { SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import { isInternetGroup, isInternetSource, isSourceSpecific } from "./internet-source.ts";

/** (S,G); undefined: (*,G). */
export interface StreamKey {
  readonly source: Address | undefined;
  readonly group: Address;
}

export interface AutomaticRules {
  /** The source is on no network that this computer is on, and no member of one of its networks. */
  readonly isElsewhere: (source: Address) => boolean;
  /** Somebody named relays: of them any source may be asked. */
  readonly hasRelays: boolean;
  readonly most: number;
}

/**
 * What of all that programs and LAN hosts want is fetched from the Internet unasked: sources that could only be there.
 * Who wants a group from anybody gets it from relays that were named, because no other one is known to have it.
 */
export function automaticStreams(
  wanted: ReadonlyMap<Address, SourceFilter>,
  { isElsewhere, hasRelays, most }: AutomaticRules,
): StreamKey[] {
  const streams: StreamKey[] = [];
  for (const [group, { mode, sources }] of wanted) {
    if (!isInternetGroup(group)) continue;
    if (mode === "exclude") {
      if (hasRelays && !isSourceSpecific(group)) streams.push({ source: undefined, group });
    } else
      for (const source of sources)
        if (isInternetSource(source) && isElsewhere(source)) streams.push({ source, group });
  }
  return streams.slice(0, most);
}
