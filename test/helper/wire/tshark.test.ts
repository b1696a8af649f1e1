import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalAddress, type Family } from "#wire/address.ts";
import { encodeEthernet, EtherType, multicastMac } from "#wire/ethernet.ts";
import { encodeFloatCode, QQIC } from "#wire/float-code.ts";
import { decodeIpv4, encodeIpv4 } from "#wire/ipv4.ts";
import { encodeIpv6 } from "#wire/ipv6.ts";
import type { MembershipMessage, RecordType } from "#wire/membership-message.ts";
import { encodeMembershipPacket } from "#wire/membership-packet.ts";
import { encodeUdp } from "#wire/udp.ts";
import { LinkType } from "#test/support/pcap.ts";
import { anyIpv4Header, anyIpv6Header, anyMessage, anyPayload } from "./arbitraries.ts";
import { corrupted, toHex } from "./round-trip.ts";
import { dissect, hasTshark, type Fields } from "./tshark.ts";

// Wireshark reads what we write. A fixed seed, because each run starts a process of a second or so.
const SAMPLE = { numRuns: 300, seed: 9776 };

const TROUBLE = ["_ws.malformed", "_ws.expert.message"];
const SOURCE: Record<Family, string> = { 4: "10.0.0.1", 6: "fe80::1" };
const RECORD_NUMBER: Record<RecordType, string> = {
  "is-include": "1",
  "is-exclude": "2",
  "to-include": "3",
  "to-exclude": "4",
  allow: "5",
  block: "6",
};

const IGMP_FIELDS = ["type", "version", "maddr", "saddr", "record_type", "max_resp", "s", "qrv", "qqic"].map(
  (name) => `igmp.${name}`,
);
const MLD_FIELDS = [
  "icmpv6.type",
  ...["multicast_address", "source_address", "flag.s", "flag.qrv", "qqi"].map((name) => `icmpv6.mld.${name}`),
  ...["maximum_response_code", "maximum_response_delay"].map((name) => `icmpv6.mld.${name}`),
  ...["multicast_address", "source_address", "record_type"].map((name) => `icmpv6.mldr.mar.${name}`),
];

/** Fields that stand in no packet are not listed by tshark, so empty ones are not expected. */
function present(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, values]) => values.length > 0));
}

function canonical(fields: Fields): Fields {
  const one = (value: string) => canonicalAddress(value) ?? value;
  return Object.fromEntries(Object.entries(fields).map(([name, values]) => [name, values.map(one)]));
}

function igmpFields(message: MembershipMessage): Fields {
  const base = {
    "ip.checksum.status": ["1"],
    "igmp.checksum.status": ["1"],
    "ip.ttl": ["1"],
    "ip.dsfield": ["0xc0"],
    "ip.opt.ra": ["0"],
  };
  if (message.kind === "report")
    return {
      ...base,
      "igmp.type": ["0x22"],
      "igmp.version": ["3"],
      "igmp.maddr": message.records.map((record) => record.group),
      "igmp.saddr": message.records.flatMap((record) => record.sources),
      "igmp.record_type": message.records.map((record) => RECORD_NUMBER[record.type]),
    };
  if (message.kind === "query")
    return {
      ...base,
      "igmp.type": ["0x11"],
      "igmp.version": [`${message.version}`],
      "igmp.maddr": [message.group ?? "0.0.0.0"],
      "igmp.saddr": message.sources,
      "igmp.max_resp": message.version === 1 ? [] : [`${message.maxResponseMs / 100}`],
      ...(message.version === 3 && {
        "igmp.s": [message.suppress ? "1" : "0"],
        "igmp.qrv": [`${message.robustness}`],
        "igmp.qqic": [`${encodeFloatCode(QQIC, message.queryIntervalS)}`], // the one code that it does not decode,
      }),
    };
  const version = message.kind === "leave" ? 2 : message.version;
  return {
    ...base,
    "igmp.type": [message.kind === "leave" ? "0x17" : version === 1 ? "0x12" : "0x16"],
    "igmp.version": [`${version}`],
    "igmp.maddr": [message.group],
    "igmp.max_resp": version === 1 ? [] : ["0"],
  };
}

function mldFields(message: MembershipMessage): Fields {
  const base = { "icmpv6.checksum.status": ["1"], "ipv6.hlim": ["1"], "ipv6.opt.router_alert": ["0"] };
  if (message.kind === "report")
    return {
      ...base,
      "icmpv6.type": ["143"],
      "icmpv6.mldr.mar.multicast_address": message.records.map((record) => record.group),
      "icmpv6.mldr.mar.source_address": message.records.flatMap((record) => record.sources),
      "icmpv6.mldr.mar.record_type": message.records.map((record) => RECORD_NUMBER[record.type]),
    };
  const group = { "icmpv6.mld.multicast_address": [message.group ?? "::"] };
  if (message.kind !== "query")
    return {
      ...base,
      ...group,
      "icmpv6.type": [message.kind === "leave" ? "132" : "131"],
      "icmpv6.mld.maximum_response_delay": ["0"],
    };
  if (message.version === 2)
    return {
      ...base,
      ...group,
      "icmpv6.type": ["130"],
      "icmpv6.mld.maximum_response_delay": [`${message.maxResponseMs}`],
    };
  return {
    ...base,
    ...group,
    "icmpv6.type": ["130"],
    "icmpv6.mld.maximum_response_code": [`${message.maxResponseMs}`],
    "icmpv6.mld.flag.s": [message.suppress ? "1" : "0"],
    "icmpv6.mld.flag.qrv": [`${message.robustness}`],
    "icmpv6.mld.qqi": [`${message.queryIntervalS}`],
    "icmpv6.mld.source_address": message.sources,
  };
}

describe.skipIf(!hasTshark)("Wireshark agrees (skipped where tshark is not installed)", () => {
  test.each([
    [
      4 as const,
      igmpFields,
      [...IGMP_FIELDS, "ip.checksum.status", "igmp.checksum.status", "ip.ttl", "ip.dsfield", "ip.opt.ra"],
    ],
    [6 as const, mldFields, [...MLD_FIELDS, "icmpv6.checksum.status", "ipv6.hlim", "ipv6.opt.router_alert"]],
  ])("on membership messages of family %i", (family, expected, names) => {
    const messages = fc.sample(anyMessage(family), SAMPLE);
    const packets = messages.map((message) => encodeMembershipPacket(message, SOURCE[family]));
    const dissected = dissect(packets, LinkType.RAW_IP, [...TROUBLE, ...names]);
    expect(dissected).toHaveLength(messages.length);
    for (const [i, message] of messages.entries())
      expect(canonical(dissected[i]!)).toEqual(present(expected(message)));
  });

  test("on UDP in IPv4 with options and IPv6 with extension headers, in tagged and plain frames", () => {
    const any4 = fc.tuple(anyIpv4Header, anyPayload);
    const any6 = fc.tuple(anyIpv6Header, anyPayload);
    const ports = { sourcePort: 40_001, destinationPort: 40_002 };
    const vlan = { id: 77, priority: 5, dropEligible: false };
    const udp4 = fc.sample(any4, SAMPLE).map(([header, payload]) => {
      const whole = { ...header, fragmentOffset: 0, protocol: 17, options: [], destination: "239.1.2.3" };
      const udp = encodeUdp({ ...ports, payload }, whole.source, whole.destination);
      return { destination: whole.destination, hops: whole.ttl, payload, packet: encodeIpv4(whole, udp) };
    });
    const udp6 = fc.sample(any6, SAMPLE).map(([header, payload]) => {
      // Random options and routing headers mean things to Wireshark; only what has no meaning is kept.
      const extensions = header.extensions.filter(({ kind }) => kind === "fragment").slice(0, 1);
      const whole = { ...header, extensions, protocol: 17, destination: "ff1e::1234" };
      const udp = encodeUdp({ ...ports, payload }, whole.source, whole.destination);
      return {
        destination: whole.destination,
        hops: whole.hopLimit,
        payload,
        packet: encodeIpv6(whole, udp),
      };
    });
    const sent = [...udp4, ...udp6];
    const frames = sent.map(({ destination, packet }, i) =>
      encodeEthernet({
        destination: multicastMac(destination),
        source: Uint8Array.of(2, 0, 0, 0, 0, 1),
        vlan: i % 2 === 0 ? vlan : undefined,
        etherType: destination.includes(":") ? EtherType.IPV6 : EtherType.IPV4,
        payload: packet,
      }),
    );
    const names = [
      "eth.dst",
      "vlan.id",
      "vlan.priority",
      "ip.ttl",
      "ipv6.hlim",
      "ip.checksum.status",
      "udp.checksum.status",
      "udp.dstport",
      "data.data",
    ];
    const dissected = dissect(frames, LinkType.ETHERNET, ["_ws.malformed", ...names]);
    expect(dissected).toHaveLength(sent.length);
    for (const [i, { destination, hops, payload }] of sent.entries()) {
      const four = !destination.includes(":");
      expect(dissected[i]).toEqual(
        present({
          "eth.dst": [four ? "01:00:5e:01:02:03" : "33:33:00:00:12:34"],
          "vlan.id": i % 2 === 0 ? ["77"] : [],
          "vlan.priority": i % 2 === 0 ? ["5"] : [],
          "ip.ttl": four ? [`${hops}`] : [],
          "ipv6.hlim": four ? [] : [`${hops}`],
          "ip.checksum.status": four ? ["1"] : [],
          "udp.checksum.status": ["1"],
          "udp.dstport": ["40002"],
          "data.data": payload.length > 0 ? [toHex(payload)] : [],
        }),
      );
    }
  });

  test("and would have said so otherwise", () => {
    const records = [{ type: "allow", group: "239.1.2.3", sources: ["192.0.2.7", "192.0.2.8"] }] as const;
    const whole = encodeMembershipPacket({ kind: "report", version: 3, records }, SOURCE[4]);
    const { header, payload } = decodeIpv4(whole);
    const short = encodeIpv4(header, payload.subarray(0, -6));
    const bad = corrupted(whole, { [whole.length - 1]: 9 });
    const names = [...TROUBLE, "igmp.checksum.status"];
    const [good, badSum, badLength] = dissect([whole, bad, short], LinkType.RAW_IP, names);
    expect(good).toEqual({ "igmp.checksum.status": ["1"] });
    expect(badSum).toEqual({
      "igmp.checksum.status": ["0"],
      "_ws.expert.message": [expect.stringContaining("Bad checksum")],
    });
    expect(badLength).toHaveProperty(["_ws.malformed"]);
  });
});
