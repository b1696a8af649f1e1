import { describe, expect, test } from "vitest";
import { internetChecksum } from "#wire/checksum.ts";
import { decodeIcmpv6, encodeIcmpv6 } from "#wire/icmpv6.ts";
import { decodeIpv4, encodeIpv4 } from "#wire/ipv4.ts";
import { decodeIpv6, encodeIpv6, type Ipv6Header } from "#wire/ipv6.ts";
import type { MembershipQuery } from "#wire/membership-message.ts";
import {
  decodeMembershipPacket,
  encodeMembershipPacket,
  type MembershipPacket,
} from "#wire/membership-packet.ts";
import { fromHex } from "./round-trip.ts";

const GENERAL: MembershipQuery = {
  kind: "query",
  version: 3,
  group: undefined,
  maxResponseMs: 10_000,
  suppress: true,
  robustness: 2,
  queryIntervalS: 125,
  sources: [],
};

function decoded(bytes: Uint8Array): MembershipPacket {
  const result = decodeMembershipPacket(bytes);
  if ("refused" in result) throw new Error(`refused: ${result.refused}, ${result.detail}`);
  return result;
}

/** An IGMP payload in hex, its checksum field zero, as a packet that is right otherwise. */
function igmpPacket(payload: string): Uint8Array {
  const bytes = fromHex(payload);
  const checksum = internetChecksum(bytes);
  bytes.set([checksum >> 8, checksum & 0xff], 2);
  const { header } = decodeIpv4(encodeMembershipPacket(GENERAL, "10.0.0.1"));
  return encodeIpv4(header, bytes);
}

/** The body of an ICMPv6 message in hex as a packet that is right otherwise. */
function mldPacket(type: number, body: string, change: Partial<Ipv6Header> = {}): Uint8Array {
  const { header } = decodeIpv6(encodeMembershipPacket(GENERAL, "fe80::1"));
  const changed = { ...header, ...change };
  return encodeIpv6(
    changed,
    encodeIcmpv6({ type, code: 0, body: fromHex(body) }, changed.source, changed.destination),
  );
}

describe("IGMP from the network", () => {
  test("a query of 8 bytes is of version 1 where its code is zero, of 2 otherwise", () => {
    const none = { suppress: false, robustness: 0, queryIntervalS: 0, sources: [] };
    expect(decoded(igmpPacket("1100 0000 00000000")).message).toEqual({
      kind: "query",
      version: 1,
      group: undefined,
      maxResponseMs: 10_000,
      ...none,
    });
    // Version 2 has no floating-point code: 0xff is 25.5 s.
    expect(decoded(igmpPacket("11ff 0000 ef010203")).message).toEqual({
      kind: "query",
      version: 2,
      group: "239.1.2.3",
      maxResponseMs: 25_500,
      ...none,
    });
  });

  test("a query of version 3 with floating-point codes, the S flag, and data behind it", () => {
    expect(decoded(igmpPacket("1180 0000 ef010203 fa 8f 0001 c0000207 0badcafe")).message).toEqual({
      ...GENERAL,
      group: "239.1.2.3",
      maxResponseMs: 12_800,
      queryIntervalS: 248,
      sources: ["192.0.2.7"],
    });
  });

  test("auxiliary data is skipped, a record of unknown type is left out, data behind is ignored", () => {
    const message = decoded(
      igmpPacket(`2200 0000 0000 0003
        01 02 0001 ef010203 c0000207 aaaaaaaa bbbbbbbb
        07 00 0001 ef010204 c0000207
        02 00 0000 ef010205
        0badcafe`),
    ).message;
    expect(message).toEqual({
      kind: "report",
      version: 3,
      records: [
        { type: "is-include", group: "239.1.2.3", sources: ["192.0.2.7"] },
        { type: "is-exclude", group: "239.1.2.5", sources: [] },
      ],
    });
  });

  test("a TTL other than 1 and a missing Router Alert are told, not refused", () => {
    const { header, payload } = decodeIpv4(encodeMembershipPacket(GENERAL, "10.0.0.1"));
    const packet = decoded(encodeIpv4({ ...header, ttl: 64, options: [] }, payload));
    expect(packet).toMatchObject({ hopLimit: 64, routerAlert: false });
  });

  test.each([
    ["a query of 10 bytes", "1164 0000 00000000 0000", "malformed"],
    ["a query that claims a source too many", "1164 0000 ef010203 027d 0002 c0000207", "malformed"],
    ["a general query with a source", "1164 0000 00000000 027d 0001 c0000207", "malformed"],
    ["a query for a unicast address", "1164 0000 0a000001 027d 0000", "malformed"],
    ["a report that claims a record too many", "2200 0000 0000 0002 0200 0000 ef010203", "malformed"],
    ["a record that claims a source too many", "2200 0000 0000 0001 0200 0001 ef010203", "malformed"],
    ["a record that claims 65,535 sources", "2200 0000 0000 0001 0200 ffff ef010203", "malformed"],
    ["auxiliary data past the end", "2200 0000 0000 0001 0201 0000 ef010203", "malformed"],
    ["a record for a unicast address", "2200 0000 0000 0001 0200 0000 0a000001", "malformed"],
    ["a report of version 2 for a unicast address", "1600 0000 0a000001", "malformed"],
    ["a leave that is cut off", "1700 0000 ef01", "malformed"],
    ["PIM version 1", "1400 0000 00000000", "unknown-type"],
    ["a router advertisement of RFC 4286", "3000 0000 00000000", "unknown-type"],
  ])("%s is refused", (_name, payload, reason) => {
    expect(decodeMembershipPacket(igmpPacket(payload))).toHaveProperty("refused", reason);
  });

  test("a count of sources is judged before any of them is read", () => {
    const result = decodeMembershipPacket(igmpPacket("1164 0000 ef010203 027d ffff c0000207"));
    expect(result).toHaveProperty("detail", expect.stringMatching(/^number of sources: 65535, .* 1$/));
  });

  const { header, payload } = decodeIpv4(encodeMembershipPacket(GENERAL, "10.0.0.1"));
  test.each([
    ["another protocol", { protocol: 17 }, "not-membership"],
    ["a first fragment", { moreFragments: true }, "fragment"],
    ["a later fragment", { fragmentOffset: 8 }, "fragment"],
    ["a multicast source", { source: "239.1.1.1" }, "bad-source"],
    ["the broadcast source", { source: "255.255.255.255" }, "bad-source"],
  ])("%s is refused", (_name, change, reason) => {
    const bytes = encodeIpv4({ ...header, ...change }, Uint8Array.of(...payload, 0, 0, 0, 0));
    expect(decodeMembershipPacket(bytes)).toHaveProperty("refused", reason);
  });
});

describe("MLD from the network", () => {
  const query = "2710 0000 00000000000000000000000000000000 027d 0000";
  const report = "0000 0001 04000000 ff1e0000000000000000000000001234";

  test("a query of version 2 with floating-point codes and the S flag", () => {
    const bytes = mldPacket(130, "8001 0000 ff1e0000000000000000000000001234 0a 90 0000 0badcafe");
    expect(decoded(bytes).message).toEqual({
      ...GENERAL,
      group: "ff1e::1234",
      maxResponseMs: 32_776,
      queryIntervalS: 256,
    });
  });

  test("version 1 has no floating-point code", () => {
    const bytes = mldPacket(130, "ffff 0000 00000000000000000000000000000000");
    expect(decoded(bytes).message).toMatchObject({ version: 2, group: undefined, maxResponseMs: 65_535 });
  });

  test("between the lengths of the two versions lies no version", () => {
    for (let length = 25; length < 28; length++) {
      const result = decodeMembershipPacket(
        mldPacket(130, query.replace(/ /g, "").slice(0, 2 * (length - 4))),
      );
      expect(result).toHaveProperty("detail", expect.stringContaining(`MLD query length: ${length}`));
    }
  });

  test("the ICMPv6 code is not looked at", () => {
    const { header, payload } = decodeIpv6(mldPacket(143, report));
    const icmp = decodeIcmpv6(payload, header.source, header.destination);
    const bytes = encodeIpv6(header, encodeIcmpv6({ ...icmp, code: 7 }, header.source, header.destination));
    expect(decoded(bytes).message.kind).toBe("report");
  });

  const alert = { type: 5, data: Uint8Array.of(0, 0) };
  const hopByHop = { kind: "hop-by-hop", options: [alert] } as const;
  test.each([
    ["a query of 26 bytes", 130, query.slice(0, -5), {}, "malformed"],
    ["a query that claims a source", 130, query.replace(/0000$/, "0001"), {}, "malformed"],
    ["a report that claims a record too many", 143, report.replace("0001", "0002"), {}, "malformed"],
    ["a record for a unicast address", 143, report.replace("ff1e", "2001"), {}, "malformed"],
    ["an ICMPv6 echo request", 128, query, {}, "not-membership"],
    ["another protocol", 130, query, { protocol: 17 }, "not-membership"],
    ["a query from the unspecified address", 130, query, { source: "::" }, "bad-source"],
    ["a query from a global address", 130, query, { source: "2001:db8::1" }, "bad-source"],
    ["a report from a global address", 143, report, { source: "2001:db8::1" }, "bad-source"],
    ["a hop limit of 2", 143, report, { hopLimit: 2 }, "bad-hop-limit"],
    ["no Router Alert", 143, report, { extensions: [] }, "no-router-alert"],
    [
      "the Router Alert of RSVP",
      143,
      report,
      { extensions: [{ kind: "hop-by-hop", options: [{ type: 5, data: Uint8Array.of(0, 1) }] }] },
      "no-router-alert",
    ],
    [
      "a Router Alert in destination options",
      143,
      report,
      { extensions: [{ kind: "destination", options: [alert] }] },
      "no-router-alert",
    ],
    [
      "an option that is to be dropped where unknown",
      143,
      report,
      { extensions: [{ kind: "hop-by-hop", options: [alert, { type: 0x8b, data: new Uint8Array() }] }] },
      "bad-extension",
    ],
    [
      "a routing header with a segment left",
      143,
      report,
      {
        extensions: [hopByHop, { kind: "routing", routingType: 0, segmentsLeft: 1, data: new Uint8Array(4) }],
      },
      "bad-extension",
    ],
    [
      "a fragment",
      143,
      report,
      { extensions: [hopByHop, { kind: "fragment", offset: 0, more: false, identification: 1 }] },
      "fragment",
    ],
  ] as [string, number, string, Partial<Ipv6Header>, string][])(
    "%s is refused",
    (_name, type, body, change, reason) => {
      expect(decodeMembershipPacket(mldPacket(type, body, change))).toHaveProperty("refused", reason);
    },
  );
});
