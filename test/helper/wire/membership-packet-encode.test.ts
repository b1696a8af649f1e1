import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { family, type Address } from "#wire/address.ts";
import { EncodeError } from "#wire/cursor.ts";
import type { MembershipMessage, MembershipQuery } from "#wire/membership-message.ts";
import {
  decodeMembershipPacket,
  encodeMembershipPacket,
  membershipDestination,
  type MembershipPacket,
} from "#wire/membership-packet.ts";
import { anyAddress, anyLinkLocal, anyMessage } from "./arbitraries.ts";
import { expectRoundTrip } from "./round-trip.ts";

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

describe("every message round-trips in a packet", () => {
  test.each([
    [4 as const, anyAddress(4).filter((a) => !/^(22[4-9]|23\d|255)\./.test(a))],
    [6 as const, anyLinkLocal],
  ])("of family %i", (family, anySource) => {
    fc.assert(
      fc.property(anyMessage(family), anySource, (message, source) => {
        const value = { message, source };
        expectRoundTrip(
          value,
          (v) => encodeMembershipPacket(v.message, v.source),
          (bytes) => {
            const { message, source, ...rest } = decoded(bytes);
            const destination = membershipDestination(message, family);
            expect(rest).toEqual({ family, destination, hopLimit: 1, routerAlert: true });
            return { message, source };
          },
        );
      }),
      { numRuns: 300 },
    );
  });
});

describe("where messages go", () => {
  test.each([
    [GENERAL, "224.0.0.1", "ff02::1"],
    [{ kind: "report", version: 3, records: [] }, "224.0.0.22", "ff02::16"],
  ] as [MembershipMessage, Address, Address][])("$0.kind", (message, igmp, mld) => {
    expect(membershipDestination(message, 4)).toBe(igmp);
    expect(membershipDestination(message, 6)).toBe(mld);
  });

  test.each(["239.1.2.3", "ff1e::1"])("messages for %s", (group) => {
    const to = (message: MembershipMessage) => membershipDestination(message, family(group));
    expect(to({ ...GENERAL, group })).toBe(group);
    expect(to({ kind: "report-old", version: 2, group })).toBe(group);
    expect(to({ kind: "leave", group })).toBe(group === "239.1.2.3" ? "224.0.0.2" : "ff02::2");
  });
});

describe("what is not encoded", () => {
  test.each([
    ["a general query with sources", { ...GENERAL, sources: ["192.0.2.7"] }, "10.0.0.1"],
    [
      "sources before version 3",
      { ...GENERAL, version: 2, group: "239.1.2.3", sources: ["192.0.2.7"] },
      "10.0.0.1",
    ],
    [
      "a query of version 2 whose time would read as version 1",
      { ...GENERAL, version: 2, maxResponseMs: 99 },
      "10.0.0.1",
    ],
    ["a query of version 2 over 25.5 s", { ...GENERAL, version: 2, maxResponseMs: 25_600 }, "10.0.0.1"],
    ["a query of version 1 for one group", { ...GENERAL, version: 1, group: "239.1.2.3" }, "10.0.0.1"],
    ["a query of version 1 in MLD", { ...GENERAL, version: 1 }, "fe80::1"],
    ["a group of the other family", { ...GENERAL, group: "ff1e::1" }, "10.0.0.1"],
    ["a unicast group", { kind: "leave", group: "10.0.0.9" }, "10.0.0.1"],
    ["an MLD query from the unspecified address", GENERAL, "::"],
    ["an MLD report from a global address", { kind: "report", version: 3, records: [] }, "2001:db8::1"],
  ] as [string, MembershipMessage, Address][])("%s", (_name, message, source) => {
    expect(() => encodeMembershipPacket(message, source)).toThrow(EncodeError);
  });

  test("but a robustness over 7 is sent as 0", () => {
    const packet = decoded(encodeMembershipPacket({ ...GENERAL, robustness: 9 }, "10.0.0.1"));
    expect(packet.message).toEqual({ ...GENERAL, robustness: 0 });
  });
});
