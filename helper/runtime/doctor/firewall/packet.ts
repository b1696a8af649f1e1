import { isMulticast, type Address } from "#wire/address.ts";

/** A packet that does not exist: what a firewall would do to it is asked. */
export interface ImaginedPacket {
  readonly hook: "input" | "output" | "forward";
  readonly family: 4 | 6;
  /** The interface that it comes in by, or leaves by. */
  readonly interface: string;
  /** Of one that is forwarded: where it leaves. */
  readonly leavesBy?: string;
  readonly protocol: "udp" | "tcp" | "igmp" | "icmpv6";
  readonly state: "new" | "established" | "untracked";
  readonly destination?: Address;
  readonly source?: Address;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Of ICMPv6. */
  readonly type?: readonly (string | number)[];
}

/** What is known of one property: all names that rules may have for it; "absent": the packet has no such field. */
export type Fact = readonly (string | number)[] | "absent" | "unknown";

const PROTOCOLS = {
  udp: ["udp", 17],
  tcp: ["tcp", 6],
  igmp: ["igmp", 2],
  icmpv6: ["ipv6-icmp", "icmpv6", 58],
} as const;

/** The property that the left side of a match or the key of a map names. */
export function factOf(packet: ImaginedPacket, left: unknown): Fact {
  if (typeof left !== "object" || left === null) return "unknown";
  if ("meta" in left) return metaFact(packet, keyOf(left.meta));
  if ("ct" in left) return keyOf(left.ct) === "state" ? [packet.state] : "unknown";
  if ("payload" in left) return payloadFact(packet, left.payload);
  if ("fib" in left) return fibFact(packet, left.fib);
  return "unknown";
}

function metaFact(packet: ImaginedPacket, key: string | undefined): Fact {
  const { hook } = packet;
  switch (key) {
    case "iifname":
    case "iif":
      return hook === "output" ? [""] : [packet.interface];
    case "oifname":
    case "oif":
      return hook === "input" ? [""] : [packet.leavesBy ?? packet.interface];
    case "l4proto":
      return PROTOCOLS[packet.protocol];
    case "nfproto":
      return packet.family === 4 ? ["ipv4", 2] : ["ipv6", 10];
    case "protocol":
      return packet.family === 4 ? ["ip", 0x800] : ["ip6", 0x86dd];
    case "pkttype":
      if (hook === "output") return "unknown";
      return packet.destination !== undefined && isMulticast(packet.destination)
        ? ["multicast"]
        : ["host", "unicast"];
    default:
      return "unknown";
  }
}

function payloadFact(packet: ImaginedPacket, payload: unknown): Fact {
  if (typeof payload !== "object" || payload === null || !("protocol" in payload) || !("field" in payload))
    return "unknown";
  const { protocol, field } = payload;
  const known = (value: string | number | undefined): Fact => (value === undefined ? "unknown" : [value]);
  switch (protocol) {
    case "ip":
    case "ip6":
      if ((protocol === "ip") !== (packet.family === 4)) return "absent";
      if (field === "protocol" || field === "nexthdr") return PROTOCOLS[packet.protocol];
      if (field === "daddr") return known(packet.destination);
      return field === "saddr" ? known(packet.source) : "unknown";
    case "udp":
    case "tcp":
    case "th": {
      const ported = packet.protocol === "udp" || packet.protocol === "tcp";
      if (protocol === "th" ? !ported : packet.protocol !== protocol) return "absent";
      if (field === "dport") return known(packet.destinationPort);
      return field === "sport" ? known(packet.sourcePort) : "unknown";
    }
    case "icmpv6":
      if (packet.protocol !== "icmpv6") return "absent";
      return field === "type" && packet.type ? packet.type : "unknown";
    case "sctp":
    case "dccp":
    case "icmp":
    case "igmp":
      return protocol === packet.protocol ? "unknown" : "absent";
    default:
      return "unknown";
  }
}

/** Of the routing table alone what the destination is: to us, or to a group. */
function fibFact(packet: ImaginedPacket, fib: unknown): Fact {
  if (typeof fib !== "object" || fib === null || !("result" in fib) || !("flags" in fib)) return "unknown";
  const flags: unknown[] = Array.isArray(fib.flags) ? fib.flags : [fib.flags];
  if (fib.result !== "type" || !flags.includes("daddr") || packet.hook !== "input") return "unknown";
  return [packet.destination !== undefined && isMulticast(packet.destination) ? "multicast" : "local"];
}

function keyOf(value: unknown): string | undefined {
  return typeof value === "object" && value !== null && "key" in value && typeof value.key === "string"
    ? value.key
    : undefined;
}
