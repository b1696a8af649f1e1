import type { Member, Network } from "#contract/snapshot.ts";
import type { Networks } from "./networks.ts";
import type { Peer } from "./peer.ts";

/** The far end of our own session with a member; undefined where there is none, or the host forwards to it. */
export function peerOfMember(
  { hosted, joined }: Pick<Networks, "hosted" | "joined">,
  network: Pick<Network, "id" | "role">,
  member: Pick<Member, "number" | "role">,
): Peer | undefined {
  if (network.role === "guest") return member.role === "host" ? joined.get(network.id)?.peer : undefined;
  const known = hosted?.members.byNumber(member.number);
  return known && hosted?.peerOfMember(known);
}
