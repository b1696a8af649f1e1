import { family, isMulticast, type Address, type Family } from "#wire/address.ts";
import { ChecksumError, DecodeError, EncodeError } from "#wire/cursor.ts";
import { decodeIcmpv6, encodeIcmpv6 } from "#wire/icmpv6.ts";
import { decodeIgmp, encodeIgmp } from "#wire/igmp.ts";
import { IpProtocol } from "#wire/ip-protocol.ts";
import { decodeIpv4, encodeIpv4, hasRouterAlert4, IPV4_ROUTER_ALERT } from "#wire/ipv4.ts";
import { dropsUnknown, hasRouterAlertMld, IPV6_ROUTER_ALERT_MLD } from "#wire/ipv6-extension.ts";
import { decodeIpv6, encodeIpv6, type Ipv6Header } from "#wire/ipv6.ts";
import type { MembershipMessage } from "#wire/membership-message.ts";
import { decodeMld, encodeMld } from "#wire/mld.ts";

export interface MembershipPacket {
  readonly family: Family;
  readonly source: Address;
  readonly destination: Address;
  readonly hopLimit: number;
  /** Always true of MLD, which is refused without. IGMPv1, and some IGMPv2 hosts, do not send it. */
  readonly routerAlert: boolean;
  readonly message: MembershipMessage;
}

export type RefusalReason =
  | "malformed"
  | "bad-checksum"
  | "fragment"
  | "not-membership" // another protocol
  | "unknown-type" // IGMP, but a message of another protocol in it
  | "bad-source"
  | "bad-hop-limit"
  | "no-router-alert"
  | "bad-extension"; // an IPv6 option or routing header that asks for the packet to be dropped

export interface MembershipRefusal {
  readonly refused: RefusalReason;
  /** For a log at debug level; not to be matched on. */
  readonly detail: string;
}

/** "Internetwork control", RFC 9776 section 4. */
const INTERNETWORK_CONTROL = 0xc0;

const ALL_SYSTEMS: Readonly<Record<Family, Address>> = { 4: "224.0.0.1", 6: "ff02::1" };
const ALL_ROUTERS: Readonly<Record<Family, Address>> = { 4: "224.0.0.2", 6: "ff02::2" };
const ALL_V3_ROUTERS: Readonly<Record<Family, Address>> = { 4: "224.0.0.22", 6: "ff02::16" };

/**
 * One whole IP packet from the network to the membership message in it. Never throws for what the packet holds.
 * Whether the source is on our link is for the caller to judge, and so is an IGMP packet that came with a TTL
 * other than 1: RFC 9776 asks senders for 1 but does not ask receivers to check.
 */
export function decodeMembershipPacket(packet: Uint8Array): MembershipPacket | MembershipRefusal {
  try {
    return packet[0] !== undefined && packet[0] >> 4 === 6
      ? decodeMldPacket(packet)
      : decodeIgmpPacket(packet);
  } catch (error) {
    if (error instanceof ChecksumError) return refuse("bad-checksum", error.message);
    if (error instanceof DecodeError) return refuse("malformed", error.message);
    throw error;
  }
}

/** Where a message of ours goes: RFC 9776 sections 4.1.12 and 4.2.14, RFC 2236 section 9, RFC 9777 likewise. */
export function membershipDestination(message: MembershipMessage, family: Family): Address {
  switch (message.kind) {
    case "query":
      return message.group ?? ALL_SYSTEMS[family];
    case "report":
      return ALL_V3_ROUTERS[family];
    case "report-old":
      return message.group;
    case "leave":
      return ALL_ROUTERS[family];
  }
}

/**
 * The whole IP packet, ready to be sent. `source` decides the family: an IPv4 address for IGMP, a link-local
 * IPv6 address for MLD (or "::" for what is no query). `destination` is where the RFCs send it unless given.
 * Throws EncodeError where the message does not fit or is of the other family.
 */
export function encodeMembershipPacket(
  message: MembershipMessage,
  source: Address,
  destination: Address = membershipDestination(message, family(source)),
): Uint8Array {
  if (family(source) === 4)
    return encodeIpv4(
      {
        trafficClass: INTERNETWORK_CONTROL,
        identification: 0, // RFC 6864 section 4.1: free to choose in a packet that may not be fragmented
        dontFragment: true,
        moreFragments: false,
        fragmentOffset: 0,
        ttl: 1,
        protocol: IpProtocol.IGMP,
        source,
        destination,
        options: [IPV4_ROUTER_ALERT],
      },
      encodeIgmp(message),
    );
  if (!isMldSource(source, message)) throw new EncodeError("source of MLD", source, "a link-local address");
  const header: Ipv6Header = {
    trafficClass: 0,
    flowLabel: 0,
    hopLimit: 1,
    source,
    destination,
    extensions: [{ kind: "hop-by-hop", options: [IPV6_ROUTER_ALERT_MLD] }],
    protocol: IpProtocol.ICMPV6,
  };
  return encodeIpv6(header, encodeIcmpv6(encodeMld(message), source, destination));
}

function decodeIgmpPacket(packet: Uint8Array): MembershipPacket | MembershipRefusal {
  const { header, payload } = decodeIpv4(packet);
  const { source, destination, ttl, protocol } = header;
  if (protocol !== IpProtocol.IGMP) return refuse("not-membership", `IPv4 protocol ${protocol}`);
  if (header.moreFragments || header.fragmentOffset > 0) return refuse("fragment", `from ${source}`);
  // 0.0.0.0 is no error: a host without an address reports so, RFC 9776 section 4.2.13.
  if (isMulticast(source) || source === "255.255.255.255") return refuse("bad-source", source);
  const message = decodeIgmp(payload);
  if (!message) return refuse("unknown-type", `IGMP type ${payload[0]}`);
  return { family: 4, source, destination, hopLimit: ttl, routerAlert: hasRouterAlert4(header), message };
}

/** The checks are those of RFC 9777 sections 5.1.14, 5.2.13 and 7.6, and of RFC 2710 section 3 with RFC 3590. */
function decodeMldPacket(packet: Uint8Array): MembershipPacket | MembershipRefusal {
  const { header, payload } = decodeIpv6(packet);
  const { source, destination, hopLimit, extensions, protocol } = header;
  if (protocol !== IpProtocol.ICMPV6) return refuse("not-membership", `IPv6 next header ${protocol}`);
  for (const extension of extensions) {
    if (extension.kind === "fragment") return refuse("fragment", `from ${source}`);
    if (extension.kind === "routing" && extension.segmentsLeft > 0)
      return refuse("bad-extension", `routing header with ${extension.segmentsLeft} segments left`);
    const unknown = "options" in extension ? extension.options.find(dropsUnknown) : undefined;
    if (unknown) return refuse("bad-extension", `option ${unknown.type}`);
  }
  const message = decodeMld(decodeIcmpv6(payload, source, destination));
  if (!message) return refuse("not-membership", `ICMPv6 type ${payload[0]}`);
  if (!isMldSource(source, message)) return refuse("bad-source", source);
  if (hopLimit !== 1) return refuse("bad-hop-limit", `${hopLimit}`);
  if (!hasRouterAlertMld(extensions)) return refuse("no-router-alert", `from ${source}`);
  return { family: 6, source, destination, hopLimit, routerAlert: true, message };
}

/** fe80::/10; the unspecified address too where a listener without an address speaks. */
function isMldSource(source: Address, message: MembershipMessage): boolean {
  return /^fe[89ab][0-9a-f]:/.test(source) || (source === "::" && message.kind !== "query");
}

function refuse(refused: RefusalReason, detail: string): MembershipRefusal {
  return { refused, detail };
}
