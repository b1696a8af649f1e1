// What a LAN's capture socket lets through, decided in the kernel: a packet that no vif could ever want costs
// no copy and no wake-up.
import { BEACON_ETHERTYPE, ETH_P_IP, ETH_P_IPV6, OWN_MARK } from "./constants.ts";
import { assemble, SKF_AD_MARK, SKF_AD_PKTTYPE, SKF_AD_VLAN_TAG_PRESENT } from "./bpf.ts";
import type { Instruction } from "./bpf.ts";
import type { SourceGroup } from "#ports/lan.ts";
import { addressBytes, family } from "#wire/address.ts";

// linux/if_packet.h
const PACKET_OTHERHOST = 3;
const PACKET_OUTGOING = 4;

const ETHERTYPE_AT = 12;
const IPV4 = 14;
const IPV6 = 14;
const IPV6_HEADER = 40;
const IPPROTO_HOPOPTS = 0;
const IPPROTO_IGMP = 2;
const IPPROTO_ICMPV6 = 58;
// RFC 2710 section 3, RFC 9777 section 5
const MLD_FIRST = 130; // query
const MLD_LAST = 132; // v1 done; 131 is the v1 report
const MLD_V2_REPORT = 143;

/** Longer than any frame: take it whole. */
const ACCEPT = 0x40000;

/**
 * Takes multicast IPv4 and IPv6 that may be routed (not 224.0.0.0/24, not IPv6 scopes up to link-local) with every
 * protocol and all fragments, IGMP, MLD, and our beacon. Leaves out what carries our mark, tagged VLANs, and frames
 * for other hosts. "local": only what this computer sends. The destination MAC does not matter: access points send
 * multicast as unicast frames too. Of the streams `leftToKernel` nothing is taken but IGMP: not what comes in, nor what
 * the kernel itself sends out of the interface.
 */
export function lanFilter(mode: "full" | "local", leftToKernel: readonly SourceGroup[] = []): Buffer {
  const direction: Instruction[] =
    mode === "local"
      ? [{ op: "jump-equal", value: PACKET_OUTGOING, no: "drop" }]
      : [{ op: "jump-equal", value: PACKET_OTHERHOST, yes: "drop" }];
  return assemble([
    ...leftToKernel.flatMap(without),
    { op: "load-word", at: SKF_AD_MARK },
    { op: "jump-equal", value: OWN_MARK, yes: "drop" },
    { op: "load-byte", at: SKF_AD_VLAN_TAG_PRESENT },
    { op: "jump-equal", value: 0, no: "drop" },
    { op: "load-byte", at: SKF_AD_PKTTYPE },
    ...direction,
    { op: "load-half", at: ETHERTYPE_AT },
    { op: "jump-equal", value: ETH_P_IP, yes: "ipv4" },
    { op: "jump-equal", value: ETH_P_IPV6, yes: "ipv6" },
    { op: "jump-equal", value: BEACON_ETHERTYPE, yes: "accept", no: "drop" },

    { op: "label", name: "ipv4" },
    { op: "load-byte", at: IPV4 + 16 },
    { op: "and", value: 0xf0 },
    { op: "jump-equal", value: 0xe0, no: "drop" },
    { op: "load-byte", at: IPV4 + 9 },
    { op: "jump-equal", value: IPPROTO_IGMP, yes: "accept" },
    { op: "load-word", at: IPV4 + 16 },
    { op: "and", value: 0xffffff00 },
    { op: "jump-equal", value: 0xe0000000, yes: "drop", no: "accept" },

    { op: "label", name: "ipv6" },
    { op: "load-half", at: IPV6 + 24 },
    { op: "jump-greater-equal", value: 0xff00, no: "drop" },
    // MLD stands behind a hop-by-hop header and may be sent to any group (MLDv1 reports to the group itself).
    { op: "load-byte", at: IPV6 + 6 },
    { op: "jump-equal", value: IPPROTO_HOPOPTS, no: "scope" },
    { op: "load-byte", at: IPV6 + IPV6_HEADER },
    { op: "jump-equal", value: IPPROTO_ICMPV6, no: "scope" },
    { op: "load-byte", at: IPV6 + IPV6_HEADER + 1 }, // length in 8 bytes, without the first 8
    { op: "add", value: 1 },
    { op: "shift-left", value: 3 },
    { op: "a-to-x" },
    { op: "load-byte-x", at: IPV6 + IPV6_HEADER },
    { op: "jump-equal", value: MLD_V2_REPORT, yes: "accept" },
    { op: "jump-greater-equal", value: MLD_FIRST, no: "scope" },
    { op: "jump-greater", value: MLD_LAST, no: "accept" },
    { op: "label", name: "scope" },
    { op: "load-byte", at: IPV6 + 25 }, // flags and scope (RFC 4291 section 2.7)
    { op: "and", value: 0x0f },
    { op: "jump-greater", value: 2, yes: "accept", no: "drop" },

    { op: "label", name: "accept" },
    { op: "return", value: ACCEPT },
    { op: "label", name: "drop" },
    { op: "return", value: 0 },
  ]);
}

/** Jumps reach 255 instructions, so each stream's part ends by itself. */
function without({ source, group }: SourceGroup, index: number): Instruction[] {
  const next = `behind ${index}`;
  const words = Buffer.concat([addressBytes(source), addressBytes(group)]);
  const v4 = family(source) === 4;
  const first = v4 ? IPV4 + 12 : IPV6 + 8;
  const same = Array.from({ length: words.length / 4 }, (_, word): Instruction[] => [
    { op: "load-word", at: first + 4 * word },
    { op: "jump-equal", value: words.readUInt32BE(4 * word), no: next },
  ]);
  // A host's IGMPv2 reports have the same addresses; MLD's sources are link-local, so none of a stream's.
  const notIgmp: Instruction[] = [
    { op: "load-byte", at: IPV4 + 9 },
    { op: "jump-equal", value: IPPROTO_IGMP, yes: next },
  ];
  return [
    { op: "load-half", at: ETHERTYPE_AT },
    { op: "jump-equal", value: v4 ? ETH_P_IP : ETH_P_IPV6, no: next },
    ...same.flat(),
    ...(v4 ? notIgmp : []),
    { op: "return", value: 0 },
    { op: "label", name: next },
  ];
}
