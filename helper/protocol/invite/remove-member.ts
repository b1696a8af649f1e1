import type { MemberChange, Members } from "#protocol/addressing/members.ts";
import type { Invites } from "./invites.ts";

/**
 * Puts a member out and closes the invite that it came by: it still knows that link, and with a fresh key it
 * would be just another joiner. `now` is wall ms.
 */
export function removeMember(members: Members, invites: Invites, number: number, now: number): MemberChange {
  const joinedBy = members.byNumber(number)?.joinedBy;
  const change = members.remove(number, now, invites.lastSerial);
  if (change.ok && joinedBy) invites.revoke(joinedBy.inviteId.toHex(), now);
  return change;
}
