import { internetChecksum } from "#wire/checksum.ts";
import { ChecksumError, DecodeError, EncodeError, inRange, Reader, Writer } from "#wire/cursor.ts";
import { decodeFloatCode, encodeFloatCode, MAX_RESP_CODE_IGMP } from "#wire/float-code.ts";
import {
  checkOwnQuery,
  NO_QUERY_TAIL,
  ownGroup,
  queryTailLength,
  readQueryTail,
  readRecords,
  receivedGroup,
  receivedQueryGroup,
  recordLength,
  writeQueryTail,
  writeRecords,
} from "#wire/membership-body.ts";
import type { MembershipMessage, MembershipQuery } from "#wire/membership-message.ts";

/** RFC 9776 section 4. */
const IgmpType = { QUERY: 0x11, V1_REPORT: 0x12, V2_REPORT: 0x16, LEAVE: 0x17, V3_REPORT: 0x22 } as const;

const V2_LENGTH = 8;
const V3_QUERY_MIN_LENGTH = 12; // RFC 9776 section 7.1
const UNIT_MS = 100;
const V1_MAX_RESPONSE_MS = 10_000; // RFC 2236 section 4
const ANY_GROUP = "0.0.0.0";

/**
 * The payload of an IPv4 packet of protocol 2. undefined for the types of other protocols (DVMRP, PIMv1, RFC 4286),
 * which are to be ignored in silence. Throws DecodeError and ChecksumError.
 */
export function decodeIgmp(bytes: Uint8Array): MembershipMessage | undefined {
  const reader = new Reader(bytes);
  const type = reader.u8("IGMP type");
  const code = reader.u8("Max Resp Code");
  const checksum = reader.u16("IGMP checksum");
  // RFC 9776 section 4.1.2: over the whole payload, with what lies behind the fields we know.
  if (internetChecksum(bytes) !== 0)
    throw new ChecksumError("IGMP checksum", checksum, "the sum of the message");
  switch (type) {
    case IgmpType.QUERY:
      return decodeQuery(reader, code, bytes.length);
    case IgmpType.V3_REPORT:
      return { kind: "report", version: 3, records: readRecords(reader, 4) };
    case IgmpType.V1_REPORT:
    case IgmpType.V2_REPORT: {
      const group = receivedGroup(reader.address(4, "group"));
      return { kind: "report-old", version: type === IgmpType.V1_REPORT ? 1 : 2, group };
    }
    case IgmpType.LEAVE:
      return { kind: "leave", group: receivedGroup(reader.address(4, "group")) };
    default:
      return undefined;
  }
}

/**
 * The payload of an IPv4 packet of protocol 2, with its checksum. Times that a code cannot say exactly are
 * rounded down (see float-code.ts). Throws EncodeError where a field does not fit.
 */
export function encodeIgmp(message: MembershipMessage): Uint8Array {
  const writer = encodeWithoutChecksum(message);
  return writer.patch16(2, internetChecksum(writer.done()), "IGMP checksum").done();
}

function decodeQuery(reader: Reader, code: number, length: number): MembershipQuery {
  const group = reader.address(4, "group");
  if (length >= V3_QUERY_MIN_LENGTH) {
    const query: MembershipQuery = {
      kind: "query",
      version: 3,
      group: receivedQueryGroup(group),
      maxResponseMs: decodeFloatCode(MAX_RESP_CODE_IGMP, code) * UNIT_MS,
      ...readQueryTail(reader, 4),
    };
    if (query.group === undefined && query.sources.length > 0)
      throw new DecodeError("number of sources in a general query", query.sources.length, 0);
    return query;
  }
  // RFC 9776 section 7.1: any other length matches no version.
  if (length !== V2_LENGTH) throw new DecodeError("IGMP query length", length, "8, or 12 and more");
  if (code === 0)
    // RFC 1112 appendix I: version 1 asks for all groups, whatever its group field holds.
    return {
      kind: "query",
      version: 1,
      group: undefined,
      maxResponseMs: V1_MAX_RESPONSE_MS,
      ...NO_QUERY_TAIL,
    };
  return {
    kind: "query",
    version: 2,
    group: receivedQueryGroup(group),
    maxResponseMs: code * UNIT_MS,
    ...NO_QUERY_TAIL,
  };
}

function encodeWithoutChecksum(message: MembershipMessage): Writer {
  switch (message.kind) {
    case "query":
      return encodeQuery(message);
    case "report": {
      const length = message.records.reduce((sum, record) => sum + recordLength(record, 4), 8);
      const writer = start(length, IgmpType.V3_REPORT, 0);
      writeRecords(writer, message.records, 4);
      return writer;
    }
    case "report-old":
      return start(V2_LENGTH, message.version === 1 ? IgmpType.V1_REPORT : IgmpType.V2_REPORT, 0).address(
        ownGroup(message.group),
        4,
        "group",
      );
    case "leave":
      return start(V2_LENGTH, IgmpType.LEAVE, 0).address(ownGroup(message.group), 4, "group");
  }
}

function encodeQuery(query: MembershipQuery): Writer {
  checkOwnQuery(query);
  const units = Math.floor(query.maxResponseMs / UNIT_MS);
  if (query.version === 3) {
    const code = encodeFloatCode(MAX_RESP_CODE_IGMP, units);
    const writer = start(V2_LENGTH + queryTailLength(query, 4), IgmpType.QUERY, code);
    writer.address(query.group ?? ANY_GROUP, 4, "group");
    writeQueryTail(writer, query, 4);
    return writer;
  }
  if (query.version === 1) {
    if (query.group !== undefined)
      throw new EncodeError("group of a version 1 query", query.group, ANY_GROUP);
    return start(V2_LENGTH, IgmpType.QUERY, 0).address(ANY_GROUP, 4, "group");
  }
  // A code of zero would turn it into a query of version 1.
  if (units < 1) throw new EncodeError("maxResponseMs", query.maxResponseMs, UNIT_MS);
  const code = inRange(units, 0xff, "Max Resp Time in 1/10 s");
  return start(V2_LENGTH, IgmpType.QUERY, code).address(query.group ?? ANY_GROUP, 4, "group");
}

function start(length: number, type: number, code: number): Writer {
  return new Writer(length).u8(type, "IGMP type").u8(code, "Max Resp Code").u16(0, "IGMP checksum");
}
