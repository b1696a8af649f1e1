import type { StateAck, StateDelta, StateMessage, StateSnapshot } from "#wire/control-state.ts";
import { ENTRY_HEADER, MAX_PARTS, splitEntries, STATE_BODY_HEADER } from "#wire/control-state.ts";
import { MAX_CONTROL_BODY } from "#wire/control.ts";
import { REFRESH, RETRANSMIT_FIRST, RETRANSMIT_LAST } from "./constants.ts";
import type { Topic } from "./soft-state-topic.ts";

const CAPACITY = MAX_CONTROL_BODY - STATE_BODY_HEADER;
/** A gap is answered at once, but for gaps that older packets on their way report. */
const MIN_RESEND = 50;
/** Times that one and the same snapshot is sent before a newer one replaces it. */
const SAME_SNAPSHOT = 4;

interface Slot<Value> {
  /** undefined: removed, kept until the peer knows. */
  readonly value: Value | undefined;
  readonly changedAt: number; // version
}

/**
 * The sending half of a replicated table. Each change counts the version up and leaves at once, as a delta against
 * what was sent before; what is not acknowledged is sent again, as one delta against what was; a peer that knows
 * nothing, or lost track, gets a snapshot. Every 30 s everything is sent in full.
 */
export class SoftStateSender<Value> {
  readonly #topic: Topic<Value>;
  readonly #incarnation: number;
  readonly #slots = new Map<string, Slot<Value>>();
  #live = 0;
  #version = 1; // a peer without state says 0
  #connected = false;
  /** undefined: the peer is not known to hold any version of ours. */
  #acked: number | undefined;
  #sent = 0;
  #snapshot:
    | { readonly version: number; readonly messages: readonly StateSnapshot[]; times: number }
    | undefined;
  #retransmitAt: number | undefined;
  #interval = RETRANSMIT_FIRST;
  #refreshAt = Infinity;
  #sentAt = -Infinity;
  #rtt = 0;
  readonly #out: StateMessage[] = [];

  /** `incarnation`: random 32 bits. */
  constructor(topic: Topic<Value>, incarnation: number) {
    this.#topic = topic;
    this.#incarnation = incarnation;
  }

  get size(): number {
    return this.#live;
  }

  /** Does the peer hold what we hold? */
  get settled(): boolean {
    return this.#acked === this.#version;
  }

  /** Undefined removes the key. False where the table is full. Changes of one `now` leave together. */
  set(key: string, value: Value | undefined): boolean {
    const old = this.#slots.get(key)?.value;
    if (old === undefined ? value === undefined : value !== undefined && this.#topic.same(old, value))
      return true;
    if (old === undefined && this.#live >= this.#topic.maxEntries) return false;
    this.#live += Number(value !== undefined) - Number(old !== undefined);
    this.#version++;
    if (value === undefined && !this.#connected) this.#slots.delete(key);
    else this.#slots.set(key, { value, changedAt: this.#version });
    return true;
  }

  /** The whole table. Returns how many entries found no place. */
  replace(entries: ReadonlyMap<string, Value>): number {
    let refused = 0;
    for (const key of this.#slots.keys()) if (!entries.has(key)) this.set(key, undefined);
    for (const [key, value] of entries) if (!this.set(key, value)) refused++;
    return refused;
  }

  /** Sends what was set since. To be called after a batch of changes. */
  flush(now: number): void {
    if (!this.#connected || this.#sent === this.#version) return;
    if (this.#slots.size > 2 * this.#topic.maxEntries) this.#acked = undefined; // too many removals unacknowledged
    if (this.#acked === undefined && !this.#snapshot) this.#sendSnapshot(now);
    else this.#sendDeltas(this.#sent, now);
    this.#interval = RETRANSMIT_FIRST;
    this.#retransmitAt = now + this.#wait();
  }

  /** The session is ready, or the peer has started anew: it gets everything. */
  handleReady(now: number): void {
    this.#connected = true;
    this.#acked = undefined;
    this.#snapshot = undefined;
    this.#interval = RETRANSMIT_FIRST;
    this.#sendSnapshot(now);
  }

  handleLost(): void {
    this.#connected = false;
    this.#retransmitAt = undefined;
    this.#refreshAt = Infinity;
    this.#out.length = 0;
    this.#snapshot = undefined;
    this.#acked = undefined;
    this.#forgetRemoved(this.#version);
  }

  /** Milliseconds: nothing is sent twice before an answer can be there. */
  handleRtt(ms: number): void {
    this.#rtt = ms;
  }

  handleAck(ack: StateAck, now: number): void {
    if (!this.#connected || ack.topic !== this.#topic.id) return;
    if (ack.incarnation !== this.#incarnation || ack.version > this.#version) return;
    if (this.#acked === undefined) {
      if (this.#snapshot && ack.version >= this.#snapshot.version) this.#acknowledge(ack.version, now);
      return; // anything older: the snapshot is on its way
    }
    if (ack.version < this.#acked && ack.gap) {
      this.#acked = undefined; // it has forgotten what it had
      this.#sendSnapshot(now);
    } else if (ack.version >= this.#acked) {
      this.#acknowledge(ack.version, now);
      if (ack.gap && !this.settled) this.#retransmitAt = Math.max(now, this.#sentAt + MIN_RESEND);
    }
  }

  #acknowledge(version: number, now: number): void {
    const first = this.#acked === undefined;
    this.#acked = version;
    this.#snapshot = undefined;
    this.#interval = RETRANSMIT_FIRST;
    this.#forgetRemoved(version);
    if (this.settled) this.#retransmitAt = undefined;
    else if (first) this.#retransmitAt = now; // deltas that overtook the snapshot were of no use
    else this.#retransmitAt = now + this.#wait();
  }

  nextMessage(): StateMessage | undefined {
    return this.#out.shift();
  }

  pollTimeout(): number | undefined {
    if (!this.#connected) return undefined;
    return Math.min(this.#retransmitAt ?? Infinity, this.#refreshAt);
  }

  handleTimeout(now: number): void {
    if (!this.#connected) return;
    if (this.#retransmitAt !== undefined && now >= this.#retransmitAt) {
      this.#interval = Math.min(this.#interval * 2, RETRANSMIT_LAST);
      if (this.#acked === undefined) this.#sendSnapshot(now);
      else this.#sendDeltas(this.#acked, now);
      this.#retransmitAt = now + this.#wait();
    } else if (now >= this.#refreshAt) this.#sendSnapshot(now);
  }

  #sendSnapshot(now: number): void {
    const old = this.#snapshot;
    // The same one again fills the holes that the last one left; a new one would start from nothing.
    if (!old || (old.version !== this.#version && old.times >= SAME_SNAPSHOT))
      this.#snapshot = { version: this.#version, messages: this.#buildSnapshot(), times: 0 };
    const snapshot = this.#snapshot!;
    snapshot.times++;
    this.#out.push(...snapshot.messages);
    this.#sent = Math.max(this.#sent, snapshot.version);
    this.#sentAt = now;
    this.#refreshAt = now + REFRESH;
    if (this.settled) this.#snapshot = undefined;
    else this.#retransmitAt = now + this.#wait();
  }

  #buildSnapshot(): StateSnapshot[] {
    const entries: Uint8Array[] = [];
    for (const [key, { value }] of this.#slots)
      if (value !== undefined) entries.push(this.#topic.encode(key, value));
    const runs = splitEntries(entries, CAPACITY);
    if (runs.length > MAX_PARTS)
      throw new Error(`a snapshot of ${runs.length} parts: the topic's bound is too high`);
    return runs.map((run, part) => ({
      ...this.#numbers(this.#version),
      type: "state-snapshot",
      ackWanted: !this.settled,
      part,
      parts: runs.length,
      entries: run,
    }));
  }

  /** Everything changed after `base`, in messages that follow one another. */
  #sendDeltas(base: number, now: number): void {
    const changed = [...this.#slots].filter(([, slot]) => slot.changedAt > base);
    changed.sort(([, a], [, b]) => a.changedAt - b.changedAt);
    let run: Uint8Array[] = [];
    let size = 0;
    let from = base;
    let to = base;
    const close = (version: number) => {
      const numbers = this.#numbers(version);
      const delta: StateDelta = {
        ...numbers,
        type: "state-delta",
        ackWanted: true,
        base: from,
        entries: run,
      };
      this.#out.push(delta);
      [run, size, from] = [[], 0, version];
    };
    for (const [key, { value, changedAt }] of changed) {
      const entry = this.#topic.encode(key, value);
      if (run.length > 0 && size + ENTRY_HEADER + entry.length > CAPACITY) close(to);
      run.push(entry);
      size += ENTRY_HEADER + entry.length;
      to = changedAt;
    }
    close(this.#version);
    this.#sent = this.#version;
    this.#sentAt = now;
  }

  #numbers(version: number) {
    return { topic: this.#topic.id, incarnation: this.#incarnation, version };
  }

  #wait(): number {
    return Math.max(this.#interval, 1.5 * this.#rtt);
  }

  #forgetRemoved(upTo: number): void {
    for (const [key, slot] of this.#slots)
      if (slot.value === undefined && slot.changedAt <= upTo) this.#slots.delete(key);
  }
}
