// What belongs to one link, as programs and kernels send it: for tests of what never crosses.
import type { RawPacket, UdpGroup } from "#test/support/traffic/groups.ts";
import type { Address } from "#wire/address.ts";
import { encodeIgmp } from "#wire/igmp.ts";
import type { MembershipMessage } from "#wire/membership-message.ts";

/** Hop limits high enough that they are not what stops a packet. */
const TTL = 64;

export const LINK_GROUPS: readonly UdpGroup[] = [
  { group: "224.0.0.251", port: 5353, ttl: 255 }, // mDNS, RFC 6762
  { group: "ff02::fb", port: 5353, ttl: 255 },
  { group: "ff05::fb", port: 5353, ttl: TTL },
  { group: "239.255.255.250", port: 1900, ttl: TTL }, // SSDP, UPnP Device Architecture 2.0
  { group: "ff02::c", port: 1900, ttl: TTL },
  { group: "ff05::c", port: 1900, ttl: TTL },
  { group: "ff08::c", port: 1900, ttl: TTL },
  { group: "224.0.0.252", port: 5355, ttl: TTL }, // LLMNR, RFC 4795
  { group: "ff02::1:3", port: 5355, ttl: TTL },
  { group: "ff05::1:3", port: 5355, ttl: TTL },
  { group: "224.0.0.1", port: 6000, ttl: TTL }, // 224.0.0.0/24, RFC 5771 section 4
  { group: "224.0.0.200", port: 6000, ttl: TTL },
  { group: "ff02::1", port: 6000, ttl: TTL }, // ff02::/16, RFC 4291 section 2.7
  { group: "ff02::beef", port: 6000, ttl: TTL },
  { group: "ff12::beef", port: 6000, ttl: TTL },
];

const IGMP = 2;
const ICMPV6 = 58;

/** IGMP, MLD and neighbour discovery, to their own destinations and to groups that cross. */
export function linkPackets(shared4: Address, shared6: Address): RawPacket[] {
  const reported: MembershipMessage = { kind: "report-old", version: 2, group: shared4 };
  const report: MembershipMessage = {
    kind: "report",
    version: 3,
    records: [{ type: "is-exclude", group: "239.99.99.99", sources: [] }],
  };
  const igmp = (group: Address, message: MembershipMessage): RawPacket => ({
    group,
    protocol: IGMP,
    payload: encodeIgmp(message).toHex(),
    ttl: TTL,
    alert: true,
  });
  const icmpv6 = (group: Address, payload: string, alert = false): RawPacket => ({
    group,
    protocol: ICMPV6,
    payload,
    ttl: alert ? TTL : 255,
    alert,
  });
  // RFC 2710 section 3: a report about ff1e::99:99. RFC 9777 section 5.2: one record, IS_EX. RFC 4861 section 4.
  const mld1 = "8300000000000000ff1e0000000000000000000000990099";
  const mld2 = "8f0000000000000102000000ff1e0000000000000000000000990099";
  const solicitation = "870000000000000020010db8000100010000000000000020";
  const advertisement = "880000002000000020010db8000100010000000000000020";
  const routerAdvertisement = "86000000400000000000000000000000";
  return [
    igmp("224.0.0.22", report),
    igmp("224.0.0.2", { kind: "leave", group: "239.99.99.99" }),
    igmp(shared4, report),
    igmp(shared4, reported),
    icmpv6("ff02::16", mld2, true),
    icmpv6(shared6, mld1, true),
    icmpv6(shared6, mld2, true),
    icmpv6("ff02::1", solicitation),
    icmpv6("ff02::1", advertisement),
    icmpv6(shared6, solicitation),
    icmpv6(shared6, advertisement),
    icmpv6(shared6, routerAdvertisement),
  ];
}
