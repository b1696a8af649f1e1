import { isMulticast, type Address } from "#wire/address.ts";
import { DecodeError, EncodeError, type Reader, type Writer } from "#wire/cursor.ts";
import { decodeFloatCode, encodeFloatCode, QQIC } from "#wire/float-code.ts";
import type { GroupRecord, MembershipQuery, RecordType } from "#wire/membership-message.ts";

// The parts that IGMPv3 (RFC 9776 section 4) and MLDv2 (RFC 9777 section 5) share but for the length of addresses.

export type AddressLength = 4 | 16;

type QueryTail = Pick<MembershipQuery, "suppress" | "robustness" | "queryIntervalS" | "sources">;

const RECORD_TYPES: readonly (RecordType | undefined)[] = [
  undefined,
  "is-include", // 1, MODE_IS_INCLUDE
  "is-exclude",
  "to-include", // 3, CHANGE_TO_INCLUDE_MODE
  "to-exclude",
  "allow", // 5, ALLOW_NEW_SOURCES
  "block",
];
const SUPPRESS = 0x08;
const ROBUSTNESS_MASK = 0x07;

/** What a query before version 3 leaves unsaid. */
export const NO_QUERY_TAIL: QueryTail = { suppress: false, robustness: 0, queryIntervalS: 0, sources: [] };

export function queryTailLength(query: MembershipQuery, addressLength: AddressLength): number {
  return 4 + query.sources.length * addressLength;
}

export function readQueryTail(reader: Reader, addressLength: AddressLength): QueryTail {
  const flags = reader.u8("S flag and QRV");
  const queryIntervalS = decodeFloatCode(QQIC, reader.u8("QQIC"));
  const sources = readSources(reader, reader.u16("number of sources"), addressLength);
  return {
    suppress: (flags & SUPPRESS) !== 0,
    robustness: flags & ROBUSTNESS_MASK,
    queryIntervalS,
    sources,
  };
}

export function writeQueryTail(writer: Writer, query: MembershipQuery, addressLength: AddressLength): void {
  // RFC 9776 section 4.1.6: a robustness variable that does not fit is sent as zero.
  const robustness = query.robustness > ROBUSTNESS_MASK ? 0 : query.robustness;
  writer
    .u8((query.suppress ? SUPPRESS : 0) | robustness, "S flag and QRV")
    .u8(encodeFloatCode(QQIC, query.queryIntervalS), "QQIC")
    .u16(query.sources.length, "number of sources");
  for (const source of query.sources) writer.address(source, addressLength, "source");
}

export function recordLength(record: GroupRecord, addressLength: AddressLength): number {
  return 4 + addressLength * (1 + record.sources.length);
}

/**
 * Records of unknown type are left out and auxiliary data is skipped, as RFC 9776 sections 4.2.12 and 4.2.10 ask.
 * Throws DecodeError where a record claims more than there is, or its group is no multicast address.
 */
export function readRecords(reader: Reader, addressLength: AddressLength): GroupRecord[] {
  reader.skip(2, "reserved"); // RFC 9778 section 2.2.1: flags, none of them defined yet
  const count = reader.u16("number of group records");
  const records: GroupRecord[] = [];
  for (let i = 0; i < count; i++) {
    const type = RECORD_TYPES[reader.u8("record type")];
    const auxiliaryLength = 4 * reader.u8("auxiliary data length");
    const sourceCount = reader.u16("number of sources");
    const group = reader.address(addressLength, "group");
    const sources = readSources(reader, sourceCount, addressLength);
    reader.skip(auxiliaryLength, "auxiliary data");
    if (type !== undefined) records.push({ type, group: receivedGroup(group), sources });
  }
  return records;
}

export function writeRecords(
  writer: Writer,
  records: readonly GroupRecord[],
  addressLength: AddressLength,
): void {
  writer.zeros(2, "reserved").u16(records.length, "number of group records");
  for (const { type, group, sources } of records) {
    writer
      .u8(RECORD_TYPES.indexOf(type), "record type")
      .u8(0, "auxiliary data length")
      .u16(sources.length, "number of sources")
      .address(ownGroup(group), addressLength, "group");
    for (const source of sources) writer.address(source, addressLength, "source");
  }
}

/** The group of a query: the unspecified address says "all groups". Throws DecodeError. */
export function receivedQueryGroup(group: Address): Address | undefined {
  return group === "0.0.0.0" || group === "::" ? undefined : receivedGroup(group);
}

export function receivedGroup(group: Address): Address {
  if (!isMulticast(group)) throw new DecodeError("group", group, "a multicast address");
  return group;
}

export function ownGroup(group: Address): Address {
  if (!isMulticast(group)) throw new EncodeError("group", group, "a multicast address");
  return group;
}

/** RFC 9776 section 4.1.9: sources belong to queries of version 3 for one group alone. */
export function checkOwnQuery(query: MembershipQuery): void {
  if (query.sources.length > 0 && (query.version < 3 || query.group === undefined))
    throw new EncodeError("number of sources", query.sources.length, 0);
  if (query.group !== undefined) ownGroup(query.group);
}

function readSources(reader: Reader, count: number, addressLength: AddressLength): Address[] {
  // Checked before the loop, so that a lying count costs nothing.
  if (count * addressLength > reader.remaining)
    throw new DecodeError("number of sources", count, Math.floor(reader.remaining / addressLength));
  const sources: Address[] = [];
  for (let i = 0; i < count; i++) sources.push(reader.address(addressLength, "source"));
  return sources;
}
