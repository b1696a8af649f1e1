import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressText, type Address, type Family } from "#wire/address.ts";
import { EncodeError } from "#wire/cursor.ts";
import type { GroupRecord, MembershipQuery, RecordType } from "#wire/membership-message.ts";
import { encodeMembershipPacket } from "#wire/membership-packet.ts";
import { splitQuery, splitReport } from "#wire/membership-split.ts";

const SOURCE: Record<Family, Address> = { 4: "10.0.0.1", 6: "fe80::1" };
const GROUP: Record<Family, Address> = { 4: "239.1.2.3", 6: "ff1e::1" };

function sources(family: Family, count: number): Address[] {
  return Array.from({ length: count }, (_, i) => {
    const bytes = new Uint8Array(family === 4 ? 4 : 16).fill(7);
    bytes.set([i >> 8, i & 0xff], bytes.length - 2);
    return addressText(bytes);
  });
}

const query = (family: Family, count: number): MembershipQuery => ({
  kind: "query",
  version: 3,
  group: count > 0 ? GROUP[family] : undefined,
  maxResponseMs: 1000,
  suppress: false,
  robustness: 2,
  queryIntervalS: 125,
  sources: sources(family, count),
});

describe.each([4 as const, 6 as const])("family %i", (family) => {
  const anyType = fc.constantFrom<RecordType>(
    "is-include",
    "is-exclude",
    "to-include",
    "to-exclude",
    "allow",
    "block",
  );
  const anyRecord = fc
    .tuple(anyType, fc.integer({ min: 0, max: 600 }))
    .map(([type, count]): GroupRecord => ({ type, group: GROUP[family], sources: sources(family, count) }));
  const anyMtu = fc.integer({ min: 100, max: 1500 });

  test("no report is over the MTU, no source of an INCLUDE record is lost, order is kept", () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 6 }), anyMtu, (records, mtu) => {
        const reports = splitReport(records, family, mtu);
        for (const report of reports) {
          expect(report.records).not.toHaveLength(0);
          expect(encodeMembershipPacket(report, SOURCE[family]).length).toBeLessThanOrEqual(mtu);
        }
        const whole = (list: readonly GroupRecord[]) =>
          list
            .filter(({ type }) => !type.endsWith("exclude"))
            .flatMap(({ type, group, sources }) => sources.map((source) => `${type} ${group} ${source}`));
        const sent = reports.flatMap((report) => report.records);
        expect(whole(sent)).toEqual(whole(records));
        const excludes = (list: readonly GroupRecord[]) =>
          list.filter(({ type }) => type.endsWith("exclude"));
        expect(excludes(sent)).toHaveLength(excludes(records).length);
      }),
      { numRuns: 50 },
    );
  });

  test("a query is cut by its sources, a general one stays whole", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 600 }), anyMtu, (count, mtu) => {
        const whole = query(family, count);
        const parts = splitQuery(whole, family, mtu);
        for (const part of parts)
          expect(encodeMembershipPacket(part, SOURCE[family]).length).toBeLessThanOrEqual(mtu);
        expect(parts.flatMap((part) => part.sources)).toEqual(whole.sources);
        if (count === 0) expect(parts).toEqual([whole]);
      }),
      { numRuns: 50 },
    );
  });
});

test("a query has 366 sources at most at the MTU of Ethernet, RFC 9776 section 4.1.8", () => {
  expect(splitQuery(query(4, 366), 4, 1500)).toHaveLength(1);
  expect(splitQuery(query(4, 367), 4, 1500)).toHaveLength(2);
});

test("two records share a report where they just fit, and not where a byte is missing", () => {
  const record: GroupRecord = { type: "to-include", group: GROUP[4], sources: [] };
  expect(splitReport([record, record], 4, 48)).toHaveLength(1);
  expect(splitReport([record, record], 4, 47)).toHaveLength(2);
});

test("of an EXCLUDE record that is too long, the first sources are sent", () => {
  const record: GroupRecord = { type: "is-exclude", group: GROUP[4], sources: sources(4, 600) };
  expect(splitReport([record], 4, 1500)).toEqual([
    { kind: "report", version: 3, records: [{ ...record, sources: record.sources.slice(0, 365) }] },
  ]);
});

test("an MTU that has no room for one source throws", () => {
  expect(() => splitReport([], 6, 91)).toThrow(EncodeError);
  expect(() => splitQuery(query(4, 1), 4, 39)).toThrow(EncodeError);
});
