import { family, isMulticast, type Address } from "./address.ts";
import { DecodeError, EncodeError, Reader, Writer } from "./cursor.ts";

// An entry of TOPIC_MEMBERSHIP: what the sender's side wants of one group.

/** A filter with more sources does not fit in an entry; the sender asks for a superset then. */
export const MAX_ENTRY_SOURCES = 64;

const REMOVE = 0;
const INCLUDE = 1;
const EXCLUDE = 2;

export interface MembershipEntry {
  readonly group: Address;
  /** undefined: nothing any more. */
  readonly filter: { readonly mode: "include" | "exclude"; readonly sources: readonly Address[] } | undefined;
}

/** Throws DecodeError: also for a group that is no multicast address and a source that is one. */
export function decodeMembershipEntry(bytes: Uint8Array): MembershipEntry {
  const reader = new Reader(bytes);
  const operation = reader.u8("operation");
  const number = reader.u8("family");
  if (number !== 4 && number !== 6) throw new DecodeError("family", number, "4 or 6");
  const length = number === 4 ? 4 : 16;
  const group = reader.address(length, "group");
  if (!isMulticast(group)) throw new DecodeError("group", group, "a multicast address");
  if (operation === REMOVE) return { group, filter: undefined };
  if (operation > EXCLUDE) throw new DecodeError("operation", operation, EXCLUDE);
  const count = reader.u8("sources");
  if (count > MAX_ENTRY_SOURCES) throw new DecodeError("sources", count, MAX_ENTRY_SOURCES);
  const sources: Address[] = [];
  for (let i = 0; i < count; i++) {
    const source = reader.address(length, "source");
    if (isMulticast(source)) throw new DecodeError("source", source, "a unicast address");
    sources.push(source);
  }
  return { group, filter: { mode: operation === INCLUDE ? "include" : "exclude", sources } };
}

/** Throws EncodeError. */
export function encodeMembershipEntry(entry: MembershipEntry): Uint8Array {
  const number = family(entry.group);
  const length = number === 4 ? 4 : 16;
  const sources = entry.filter?.sources ?? [];
  if (sources.length > MAX_ENTRY_SOURCES) throw new EncodeError("sources", sources.length, MAX_ENTRY_SOURCES);
  const operation = entry.filter ? (entry.filter.mode === "include" ? INCLUDE : EXCLUDE) : REMOVE;
  const writer = new Writer(3 + length * (1 + sources.length));
  writer.u8(operation, "operation").u8(number, "family").address(entry.group, length, "group");
  if (!entry.filter) return writer.done();
  writer.u8(sources.length, "sources");
  for (const source of sources) writer.address(source, length, "source");
  return writer.done();
}
