import { DecodeError, EncodeError, inRange, Reader, Writer } from "#wire/cursor.ts";
import { decodeFloatCode, encodeFloatCode, MAX_RESP_CODE_MLD } from "#wire/float-code.ts";
import type { Icmpv6Message } from "#wire/icmpv6.ts";
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

/** ICMPv6 types: RFC 2710 section 3 and RFC 9777 section 5. */
const MldType = { QUERY: 130, V1_REPORT: 131, V1_DONE: 132, V2_REPORT: 143 } as const;

// RFC 9777 section 8.1 counts with the four bytes of ICMPv6's header: 24, and 28 or more.
const V1_BODY_LENGTH = 20;
const V2_QUERY_MIN_BODY_LENGTH = 24;
const ANY_GROUP = "::";

/**
 * undefined for ICMPv6 messages that are no MLD. The code is not looked at (RFC 2710 section 3.2).
 * Throws DecodeError.
 */
export function decodeMld(message: Icmpv6Message): MembershipMessage | undefined {
  const reader = new Reader(message.body);
  switch (message.type) {
    case MldType.QUERY:
      return decodeQuery(reader, message.body.length);
    case MldType.V2_REPORT:
      return { kind: "report", version: 3, records: readRecords(reader, 16) };
    case MldType.V1_REPORT:
      reader.skip(4, "Maximum Response Delay");
      return { kind: "report-old", version: 2, group: receivedGroup(reader.address(16, "group")) };
    case MldType.V1_DONE:
      reader.skip(4, "Maximum Response Delay");
      return { kind: "leave", group: receivedGroup(reader.address(16, "group")) };
    default:
      return undefined;
  }
}

/**
 * Times that a code cannot say exactly are rounded down (see float-code.ts). Throws EncodeError where a field
 * does not fit, and for version 1, which MLD has not.
 */
export function encodeMld(message: MembershipMessage): Icmpv6Message {
  switch (message.kind) {
    case "query":
      return { type: MldType.QUERY, code: 0, body: encodeQuery(message) };
    case "report": {
      const length = message.records.reduce((sum, record) => sum + recordLength(record, 16), 4);
      const writer = new Writer(length);
      writeRecords(writer, message.records, 16);
      return { type: MldType.V2_REPORT, code: 0, body: writer.done() };
    }
    case "report-old":
      if (message.version === 1) throw new EncodeError("version of an MLD report", 1, 2);
      return { type: MldType.V1_REPORT, code: 0, body: groupBody(message.group) };
    case "leave":
      return { type: MldType.V1_DONE, code: 0, body: groupBody(message.group) };
  }
}

function decodeQuery(reader: Reader, length: number): MembershipQuery {
  const code = reader.u16("Maximum Response Code");
  reader.skip(2, "reserved");
  const group = receivedQueryGroup(reader.address(16, "group"));
  if (length === V1_BODY_LENGTH)
    return { kind: "query", version: 2, group, maxResponseMs: code, ...NO_QUERY_TAIL };
  if (length < V2_QUERY_MIN_BODY_LENGTH)
    throw new DecodeError("MLD query length", 4 + length, "24, or 28 and more");
  const query: MembershipQuery = {
    kind: "query",
    version: 3,
    group,
    maxResponseMs: decodeFloatCode(MAX_RESP_CODE_MLD, code),
    ...readQueryTail(reader, 16),
  };
  if (group === undefined && query.sources.length > 0)
    throw new DecodeError("number of sources in a general query", query.sources.length, 0);
  return query;
}

function encodeQuery(query: MembershipQuery): Uint8Array {
  checkOwnQuery(query);
  if (query.version === 1) throw new EncodeError("version of an MLD query", 1, 2);
  const milliseconds = Math.floor(query.maxResponseMs);
  if (query.version === 2)
    return new Writer(V1_BODY_LENGTH)
      .u16(inRange(milliseconds, 0xffff, "Maximum Response Delay"), "Maximum Response Delay")
      .zeros(2, "reserved")
      .address(query.group ?? ANY_GROUP, 16, "group")
      .done();
  const writer = new Writer(V1_BODY_LENGTH + queryTailLength(query, 16))
    .u16(encodeFloatCode(MAX_RESP_CODE_MLD, milliseconds), "Maximum Response Code")
    .zeros(2, "reserved")
    .address(query.group ?? ANY_GROUP, 16, "group");
  writeQueryTail(writer, query, 16);
  return writer.done();
}

function groupBody(group: string): Uint8Array {
  return new Writer(V1_BODY_LENGTH)
    .zeros(4, "Maximum Response Delay")
    .address(ownGroup(group), 16, "group")
    .done();
}
