import type { PassedPacket } from "#test/support/traffic/passed-packet.ts";
import type { Address } from "#wire/address.ts";
import type { GroupRecord } from "#wire/membership-message.ts";
import { decodeMembershipPacket } from "#wire/membership-packet.ts";

/** What the IGMPv3 and MLDv2 reports among captured packets say about a group, in order, and who says it. */
export function membershipRecords(
  packets: readonly PassedPacket[],
  group: Address,
): (GroupRecord & { readonly from: Address })[] {
  return packets.flatMap((packet) => {
    const decoded = decodeMembershipPacket(packet.bytes);
    if ("refused" in decoded || decoded.message.kind !== "report") return [];
    return decoded.message.records
      .filter((record) => record.group === group)
      .map((record) => ({ ...record, from: decoded.source }));
  });
}
