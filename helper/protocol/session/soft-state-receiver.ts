import { DecodeError } from "#wire/cursor.ts";
import type { StateAck, StateDelta, StateSnapshot } from "#wire/control-state.ts";
import { EXPIRE_STATE } from "./constants.ts";
import type { Topic } from "./soft-state-topic.ts";

export interface SoftStateCounters {
  malformed: number;
  /** Entries of kinds that we do not know. */
  unknown: number;
  /** Entries that found no place. */
  overflow: number;
  duplicates: number;
  gaps: number;
  expired: number;
}

interface Assembly {
  readonly incarnation: number;
  readonly version: number;
  readonly parts: (readonly Uint8Array[] | undefined)[];
  missing: number;
  /** As many more as the topic can have: what is beyond them is neither kept nor looked at. */
  room: number;
  cut: boolean;
}

/**
 * The receiving half: takes snapshots and deltas in any order, applies what fits, says what it holds, and forgets
 * everything when three refreshes in a row did not come.
 */
export class SoftStateReceiver<Value> {
  readonly counters: SoftStateCounters = {
    malformed: 0,
    unknown: 0,
    overflow: 0,
    duplicates: 0,
    gaps: 0,
    expired: 0,
  };
  readonly #topic: Topic<Value>;
  #entries = new Map<string, Value>();
  /** Of the table that was forgotten last. */
  #forgotten: number | undefined;
  #held: { incarnation: number; version: number } | undefined;
  /** The bound was hit: the table is not what its version says. */
  #incomplete = false;
  #assembly: Assembly | undefined;
  #expiresAt: number | undefined;
  #changed = new Set<string>();
  #ack: StateAck | undefined;

  constructor(topic: Topic<Value>) {
    this.#topic = topic;
  }

  get entries(): ReadonlyMap<string, Value> {
    return this.#entries;
  }

  /** Is the table what the far end had at some time? Not before its first snapshot is here. */
  get holds(): boolean {
    return this.#held !== undefined;
  }

  /** Keys that were set, changed or removed since the last call. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    if (changed.size > 0) this.#changed = new Set();
    return changed;
  }

  /** The latest answer; older ones would only say less. */
  nextMessage(): StateAck | undefined {
    const ack = this.#ack;
    this.#ack = undefined;
    return ack;
  }

  pollTimeout(): number | undefined {
    return this.#expiresAt;
  }

  handleTimeout(now: number): void {
    if (this.#expiresAt === undefined || now < this.#expiresAt) return;
    this.counters.expired++;
    this.clear();
  }

  /** Forgets everything: the session is over. */
  clear(): void {
    for (const key of this.#entries.keys()) this.#changed.add(key);
    this.#entries.clear();
    this.#forgotten = this.#held?.incarnation ?? this.#forgotten;
    this.#held = undefined;
    this.#incomplete = false;
    this.#assembly = undefined;
    this.#expiresAt = undefined;
  }

  /** The session is up again, perhaps for us alone: whoever never missed it takes us to hold what we have forgotten. */
  handleReady(): void {
    if (!this.#held && this.#forgotten !== undefined) this.#answer(this.#forgotten, true);
  }

  handleSnapshot(message: StateSnapshot, now: number): void {
    if (message.topic !== this.#topic.id) return;
    const held = this.#held;
    if (held && held.incarnation === message.incarnation && held.version >= message.version) {
      const current = held.version === message.version;
      if (current) this.#expiresAt = now + EXPIRE_STATE;
      if (!current || !this.#incomplete) {
        if (message.ackWanted) this.counters.duplicates++;
        if (message.ackWanted || !current) this.#answer(message.incarnation, false);
        return;
      }
    }
    const assembly = this.#assemble(message);
    if (!assembly || assembly.missing > 0) return;
    this.#assembly = undefined;
    this.#applySnapshot(assembly);
    this.#held = { incarnation: message.incarnation, version: message.version };
    this.#expiresAt = now + EXPIRE_STATE;
    this.#answer(message.incarnation, false);
  }

  handleDelta(message: StateDelta, now: number): void {
    if (message.topic !== this.#topic.id) return;
    const held = this.#held;
    if (!held || held.incarnation !== message.incarnation || message.base > held.version) {
      this.counters.gaps++;
      this.#answer(message.incarnation, true);
      return;
    }
    this.#expiresAt = now + EXPIRE_STATE;
    if (message.version > held.version) {
      // What lies between base and our version is in it too, as it is now: applying it again changes nothing.
      for (const entry of message.entries) this.#applyEntry(this.#entries, entry);
      held.version = message.version;
    } else this.counters.duplicates++;
    this.#answer(message.incarnation, false);
  }

  #answer(incarnation: number, gap: boolean): void {
    const version = this.#held?.incarnation === incarnation ? this.#held.version : 0;
    this.#ack = { type: "state-ack", topic: this.#topic.id, incarnation, version, gap };
  }

  /** Undefined for a part of a snapshot older than the one in progress. */
  #assemble(message: StateSnapshot): Assembly | undefined {
    const { incarnation, version, part, parts, entries } = message;
    let assembly = this.#assembly;
    if (assembly && assembly.incarnation === incarnation && assembly.version > version) return undefined;
    if (
      !assembly ||
      assembly.incarnation !== incarnation ||
      assembly.version !== version ||
      assembly.parts.length !== parts
    ) {
      const room = this.#topic.maxEntries;
      assembly = {
        incarnation,
        version,
        parts: Array.from({ length: parts }),
        missing: parts,
        room,
        cut: false,
      };
      this.#assembly = assembly;
    }
    if (!assembly.parts[part]) {
      const kept = entries.slice(0, assembly.room);
      assembly.parts[part] = kept;
      assembly.missing--;
      assembly.room -= kept.length;
      if (kept.length < entries.length) assembly.cut = true;
      this.counters.overflow += entries.length - kept.length;
    }
    return assembly;
  }

  #applySnapshot(assembly: Assembly): void {
    const before = this.#entries;
    const after = new Map<string, Value>();
    this.#incomplete = assembly.cut;
    for (const part of assembly.parts) for (const entry of part ?? []) this.#applyEntry(after, entry, before);
    for (const key of before.keys()) if (!after.has(key)) this.#changed.add(key);
    this.#entries = after;
  }

  #applyEntry(
    table: Map<string, Value>,
    entry: Uint8Array,
    before: ReadonlyMap<string, Value> = table,
  ): void {
    let decoded;
    try {
      decoded = this.#topic.decode(entry);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.counters.malformed++;
      return;
    }
    if (!decoded) {
      this.counters.unknown++;
      return;
    }
    const { key, value } = decoded;
    const old = before.get(key);
    if (value === undefined) {
      if (table.delete(key)) this.#changed.add(key);
      return;
    }
    if (!table.has(key) && table.size >= this.#topic.maxEntries) {
      this.counters.overflow++;
      this.#incomplete = true;
      return;
    }
    table.set(key, value);
    if (old === undefined || !this.#topic.same(old, value)) this.#changed.add(key);
  }
}
