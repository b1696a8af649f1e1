import { DecodeError } from "./cursor.ts";
import type { Reader, Writer } from "./cursor.ts";

// Replicated soft state: entries of a topic, numbered as a whole. Each entry is opaque here; its topic's codec
// (control-membership.ts, control-network.ts) says what is in it.

export const STATE_TYPES = { "state-snapshot": 6, "state-delta": 7, "state-ack": 8 } as const;

export const TOPIC_MEMBERSHIP = 1;
export const TOPIC_NETWORK = 2;
export const TOPIC_SERVICES = 3;

/** Of one entry, without the length in front of it. */
export const MAX_ENTRY = 1100;
/** Parts of one snapshot: 4,096 entries of the largest size. */
export const MAX_PARTS = 4096;

const ACK_WANTED = 1;
const GAP = 1;

/** Which state of which sender: the incarnation is random for each start of it, the version counts its changes. */
interface Numbered {
  readonly topic: number;
  readonly incarnation: number;
  readonly version: number;
}

/** All entries, in `parts` messages that arrive in any order. */
export interface StateSnapshot extends Numbered {
  readonly type: "state-snapshot";
  readonly ackWanted: boolean;
  readonly part: number; // from 0
  readonly parts: number;
  readonly entries: readonly Uint8Array[];
}

/** The entries that changed after `base` and up to `version`, as they are now. */
export interface StateDelta extends Numbered {
  readonly type: "state-delta";
  readonly ackWanted: boolean;
  readonly base: number;
  readonly entries: readonly Uint8Array[];
}

/** What the receiver holds. `gap`: it saw something that it could not apply, and waits for what lies between. */
export interface StateAck extends Numbered {
  readonly type: "state-ack";
  readonly gap: boolean;
}

export type StateMessage = StateSnapshot | StateDelta | StateAck;

/** Bytes of a body in front of its entries, and in front of each entry. */
export const STATE_BODY_HEADER = 18;
export const ENTRY_HEADER = 2;

/** Runs of entries, in order, each of which fits in `capacity` bytes. No entry: one empty run. */
export function splitEntries(entries: readonly Uint8Array[], capacity: number): Uint8Array[][] {
  const runs: Uint8Array[][] = [[]];
  let left = capacity;
  for (const entry of entries) {
    const size = ENTRY_HEADER + entry.length;
    if (size > left && runs.at(-1)!.length > 0) {
      runs.push([]);
      left = capacity;
    }
    runs.at(-1)!.push(entry);
    left -= size;
  }
  return runs;
}

/** Undefined for a type that is none of these. Throws DecodeError. */
export function decodeStateMessage(type: number, reader: Reader): StateMessage | undefined {
  if (type !== 6 && type !== 7 && type !== 8) return undefined;
  const topic = reader.u8("topic");
  const flags = reader.u8("flags");
  const part = reader.u16("part");
  const parts = reader.u16("parts");
  const numbered = { topic, incarnation: reader.u32("incarnation"), version: reader.u32("version") };
  if (type === 8) return { type: "state-ack", ...numbered, gap: (flags & GAP) !== 0 };
  const base = reader.u32("base");
  const ackWanted = (flags & ACK_WANTED) !== 0;
  const entries = readEntries(reader);
  if (type === 6) {
    if (parts > MAX_PARTS) throw new DecodeError("parts", parts, MAX_PARTS);
    if (part >= parts) throw new DecodeError("part", part, parts - 1);
    return { type: "state-snapshot", ...numbered, ackWanted, part, parts, entries };
  }
  if (base > numbered.version) throw new DecodeError("base", base, numbered.version);
  return { type: "state-delta", ...numbered, ackWanted, base, entries };
}

function readEntries(reader: Reader): Uint8Array[] {
  const entries: Uint8Array[] = [];
  while (reader.remaining > 0) {
    const length = reader.u16("entry length");
    if (length > MAX_ENTRY) throw new DecodeError("entry length", length, MAX_ENTRY);
    entries.push(reader.take(length, "entry"));
  }
  return entries;
}

/** Throws EncodeError where the entries do not fit: `splitEntries` makes pieces that do. */
export function encodeStateBody(message: StateMessage, writer: Writer): void {
  const flag = message.type === "state-ack" ? message.gap : message.ackWanted;
  const snapshot = message.type === "state-snapshot";
  writer.u8(message.topic, "topic").u8(flag ? 1 : 0, "flags");
  writer.u16(snapshot ? message.part : 0, "part").u16(snapshot ? message.parts : 0, "parts");
  writer.u32(message.incarnation, "incarnation").u32(message.version, "version");
  if (message.type === "state-ack") return;
  writer.u32(message.type === "state-delta" ? message.base : 0, "base");
  for (const entry of message.entries) writer.u16(entry.length, "entry length").bytes(entry, "entry");
}
