import type { Endpoint } from "#ports/endpoint.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { HOST_NUMBER } from "#protocol/addressing/member-addresses.ts";
import type { Member } from "#protocol/addressing/member.ts";
import type { ProxyName } from "#protocol/discovery/presets.ts";
import type { NetworkEntry, SharedLan } from "#wire/control-network.ts";
import type { HostedNetwork } from "./store/network-schemas.ts";

/** What the host tells every member of its network: the network, where the host is reached, who belongs to it. */
export function networkEntries(network: {
  readonly name: string;
  readonly plan: HostedNetwork["plan"];
  readonly sharedRanges: HostedNetwork["sharedRanges"];
  readonly candidates: readonly Candidate[];
  /** The candidate that is a port of the router. */
  readonly mapped: Endpoint | undefined;
  /** Where members may call. */
  readonly meet: Candidate | undefined;
  readonly dhtKey: Uint8Array | undefined;
  readonly sharedLans: readonly SharedLan[];
  readonly proxies: ReadonlySet<ProxyName>;
  readonly members: readonly Member[];
  readonly online: (member: Member) => boolean;
}): NetworkEntry[] {
  const { name, plan, sharedRanges, candidates, mapped, meet, dhtKey, sharedLans, proxies, members, online } =
    network;
  return [
    { kind: "network", name, prefix6: plan.prefix6, prefix4: plan.prefix4, ranges: sharedRanges },
    { kind: "candidates", candidates: [...candidates] },
    ...(mapped ? [{ kind: "mapped", address: mapped.address, port: mapped.port } as const] : []),
    { kind: "meet", place: meet },
    { kind: "dht", key: dhtKey },
    { kind: "proxies", mdns: proxies.has("mdns"), ssdp: proxies.has("ssdp") },
    ...(sharedLans.length > 0 ? [{ kind: "lans", lans: sharedLans } as const] : []),
    ...members.map((member): NetworkEntry => ({
      kind: "member",
      number: member.number,
      name: member.name,
      online: member.number === HOST_NUMBER || online(member),
    })),
  ];
}
