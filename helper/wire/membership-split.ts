import type { Family } from "#wire/address.ts";
import { EncodeError } from "#wire/cursor.ts";
import { recordLength, type AddressLength } from "#wire/membership-body.ts";
import type { GroupRecord, MembershipQuery, MembershipReport } from "#wire/membership-message.ts";

// What is in front of the records of a report: IP header with Router Alert, IGMP or ICMPv6 header, record count.
const REPORT_OVERHEAD: Readonly<Record<Family, number>> = { 4: 24 + 8, 6: 40 + 8 + 8 };
// What is in front of the sources of a query of version 3.
const QUERY_OVERHEAD: Readonly<Record<Family, number>> = { 4: 24 + 12, 6: 40 + 8 + 28 };
const ADDRESS_LENGTH: Readonly<Record<Family, AddressLength>> = { 4: 4, 6: 16 };

/**
 * Records to reports whose IP packets have at most `mtu` bytes (RFC 9776 section 4.2.16, RFC 9777 section 5.2.15).
 * A record that alone is too long is cut into several of its type; of one in EXCLUDE mode, whose sources cannot
 * be told apart over two records, the first that fit are sent. Throws EncodeError where not one source fits.
 */
export function splitReport(
  records: readonly GroupRecord[],
  family: Family,
  mtu: number,
): MembershipReport[] {
  const addressLength = ADDRESS_LENGTH[family];
  const room = mtu - REPORT_OVERHEAD[family];
  const sourcesPerRecord = Math.floor((room - 4 - addressLength) / addressLength);
  if (sourcesPerRecord < 1) throw new EncodeError("mtu", mtu, "the length of a report with one source");

  const reports: MembershipReport[] = [];
  let current: GroupRecord[] = [];
  let used = 0;
  for (const record of records.flatMap((record) => fitRecord(record, sourcesPerRecord))) {
    const length = recordLength(record, addressLength);
    if (used + length > room) {
      reports.push({ kind: "report", version: 3, records: current });
      [current, used] = [[], 0];
    }
    current.push(record);
    used += length;
  }
  if (current.length > 0) reports.push({ kind: "report", version: 3, records: current });
  return reports;
}

/** A group-and-source-specific query to as many as the sources need (RFC 9776 section 4.1.8); others stay whole. */
export function splitQuery(query: MembershipQuery, family: Family, mtu: number): MembershipQuery[] {
  const sourcesPerQuery = Math.floor((mtu - QUERY_OVERHEAD[family]) / ADDRESS_LENGTH[family]);
  if (sourcesPerQuery < 1) throw new EncodeError("mtu", mtu, "the length of a query with one source");
  return chunks(query.sources, sourcesPerQuery).map((sources) => ({ ...query, sources }));
}

function fitRecord(record: GroupRecord, most: number): GroupRecord[] {
  if (record.type === "is-exclude" || record.type === "to-exclude")
    return [{ ...record, sources: record.sources.slice(0, most) }];
  return chunks(record.sources, most).map((sources) => ({ ...record, sources }));
}

/** At least one chunk, which is empty where the list is. */
function chunks<T>(list: readonly T[], most: number): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start === 0 || start < list.length; start += most)
    parts.push(list.slice(start, start + most));
  return parts;
}
