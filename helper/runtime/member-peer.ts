import type { Member, Network } from "#contract/snapshot.ts";
import type { Networks } from "./networks.ts";
import type { Peer } from "./peer.ts";

/** The far end of our own session with a member; undefined where there is none, or the host forwards to it. */
export function peerOfMember(
  { hosted, joined, byFile }: Pick<Networks, "hosted" | "joined" | "byFile">,
  network: Pick<Network, "id" | "role">,
  member: Pick<Member, "number" | "role">,
): Peer | undefined {
  if (network.role === "guest") return member.role === "host" ? joined.get(network.id)?.peer : undefined;
  if (network.role === "static") return byFile.numbered(member.number)?.peer;
  const known = hosted?.members.byNumber(member.number);
  return known && hosted?.peerOfMember(known);
}
