// Packets that came in pieces are put together in a bounded pool. Pieces that do not fit together spoil the whole:
// a sender that is honest never makes them.
import {
  FRAGMENT_COUNT_OFFSET,
  FRAGMENT_HEADER_LENGTH,
  FRAGMENT_INDEX_OFFSET,
  FRAGMENT_KIND_OFFSET,
  FRAGMENT_OFFSET_OFFSET,
  FRAGMENT_RESERVED_OFFSET,
  FRAGMENT_TOTAL_OFFSET,
  KIND_CONTROL,
  KIND_MULTICAST,
  MAX_FRAGMENTS,
} from "#wire/frame.ts";
import { MAX_VIFS } from "#protocol/forwarding/route-table.ts";
import { HEADROOM, SLOT_BYTES } from "./arena.ts";
import type { Arena } from "./arena.ts";
import type { Counters } from "./counters.ts";
import {
  DROP_FRAGMENT_MALFORMED,
  DROP_FRAGMENT_OVERFLOW,
  DROP_FRAGMENT_OVERLAP,
  DROP_FRAGMENT_TIMEOUT,
} from "./drop-reasons.ts";

export const REASSEMBLY_SLOTS = 64;
export const REASSEMBLY_PER_PEER = 8;
export const REASSEMBLY_TIMEOUT_MS = 2000;
/** Whole packets that may wait for the end of the burst: the rest of the slots is for those that are incomplete. */
const MOST_FINISHED = REASSEMBLY_SLOTS / 2;

class Slot {
  busy = false;
  vif = 0;
  origin = 0;
  epoch = 0;
  sequence = 0;
  since = 0;
  kind = 0;
  flags = 0;
  hops = 0;
  count = 0;
  total = 0;
  received = 0; // pieces
  bytes = 0;
  readonly starts = new Uint16Array(MAX_FRAGMENTS);
  readonly lengths = new Uint16Array(MAX_FRAGMENTS); // 0: not received
  readonly data: number;

  constructor(data: number) {
    this.data = data;
  }
}

export class Reassembly {
  readonly #arena: Arena;
  readonly #counters: Counters;
  readonly #slots: readonly Slot[];
  readonly #finished: Slot[] = [];
  readonly #held = new Uint8Array(MAX_VIFS); // incomplete packets by vif
  readonly #sendWhole: (now: number) => void;
  /** Of the last whole packet that add() reported. */
  kind = 0;
  flags = 0;
  hops = 0;
  offset = 0;
  length = 0;

  /** `sendWhole`: sends on the whole packets that wait for the end of the burst, and so leads to release(). */
  constructor(arena: Arena, counters: Counters, sendWhole: (now: number) => void) {
    this.#arena = arena;
    this.#sendWhole = sendWhole;
    this.#counters = counters;
    const memory = arena.reserve(REASSEMBLY_SLOTS * SLOT_BYTES);
    this.#slots = Array.from(
      { length: REASSEMBLY_SLOTS },
      (_, i) => new Slot(memory + i * SLOT_BYTES + HEADROOM),
    );
  }

  /**
   * The fragment header at `at`, its piece behind it, `length` bytes in all. True where this makes a packet whole:
   * kind, flags, hops, offset and length tell of it, and its memory stays until release().
   */
  add(
    vif: number,
    flags: number,
    hops: number,
    origin: number,
    epoch: number,
    sequence: number,
    at: number,
    length: number,
    now: number,
  ): boolean {
    const { u8, dv } = this.#arena;
    const size = length - FRAGMENT_HEADER_LENGTH;
    const malformed = size <= 0 || u8[at + FRAGMENT_RESERVED_OFFSET] !== 0;
    if (malformed) return this.#refuse(vif, DROP_FRAGMENT_MALFORMED);
    const kind = u8[at + FRAGMENT_KIND_OFFSET]!;
    const index = u8[at + FRAGMENT_INDEX_OFFSET]!;
    const count = u8[at + FRAGMENT_COUNT_OFFSET]!;
    const total = dv.getUint16(at + FRAGMENT_TOTAL_OFFSET);
    const start = dv.getUint16(at + FRAGMENT_OFFSET_OFFSET);
    if (kind < KIND_MULTICAST || kind > KIND_CONTROL || count < 2 || count > MAX_FRAGMENTS)
      return this.#refuse(vif, DROP_FRAGMENT_MALFORMED);
    if (index >= count || start + size > total) return this.#refuse(vif, DROP_FRAGMENT_MALFORMED);

    let slot = this.#find(vif, origin, epoch, sequence);
    if (slot && now - slot.since > REASSEMBLY_TIMEOUT_MS) {
      this.#expire(slot);
      slot = undefined;
    }
    if (!slot && this.#finished.length > MOST_FINISHED) this.#sendWhole(now);
    slot ??= this.#take(vif, now);
    if (!slot) return this.#refuse(vif, DROP_FRAGMENT_OVERFLOW);
    if (slot.received === 0) {
      slot.vif = vif;
      slot.origin = origin;
      slot.epoch = epoch;
      slot.sequence = sequence;
      slot.since = now;
      slot.kind = kind;
      slot.flags = flags;
      slot.hops = hops;
      slot.count = count;
      slot.total = total;
      slot.bytes = 0;
      slot.lengths.fill(0);
    } else if (slot.kind !== kind || slot.count !== count || slot.total !== total || slot.flags !== flags)
      return this.#spoil(slot, DROP_FRAGMENT_MALFORMED);
    if (overlaps(slot, index, start, size)) return this.#spoil(slot, DROP_FRAGMENT_OVERLAP);

    slot.starts[index] = start;
    slot.lengths[index] = size;
    slot.received++;
    slot.bytes += size;
    u8.copyWithin(slot.data + start, at + FRAGMENT_HEADER_LENGTH, at + length);
    if (slot.received < count) return false;
    // No piece overlaps another and all lie within the total: as many bytes as the total means no gap.
    if (slot.bytes !== total) return this.#spoil(slot, DROP_FRAGMENT_MALFORMED);
    this.kind = kind;
    this.flags = flags;
    this.hops = slot.hops;
    this.offset = slot.data;
    this.length = total;
    this.#finished.push(slot);
    slot.count = 0; // find() no longer sees it
    return true;
  }

  /** The whole packets reported so far have been sent: their memory is free again. */
  release(): void {
    if (this.#finished.length === 0) return;
    for (const slot of this.#finished) slot.busy = false;
    this.#finished.length = 0;
  }

  /** Forgets what a peer has begun. */
  forget(vif: number): void {
    for (const slot of this.#slots) if (slot.busy && slot.vif === vif && slot.count > 0) slot.busy = false;
  }

  #find(vif: number, origin: number, epoch: number, sequence: number): Slot | undefined {
    for (const slot of this.#slots)
      if (
        slot.busy &&
        slot.count > 0 &&
        slot.sequence === sequence &&
        slot.origin === origin &&
        slot.epoch === epoch &&
        slot.vif === vif
      )
        return slot;
    return undefined;
  }

  /**
   * Slots whose time is up are found here, when the next packet needs one: no timer wakes an idle worker. Who has as
   * many as it may, or more than others when all are in use, loses its oldest: of a lossy path the newest packets are
   * the ones that can still become whole.
   */
  #take(vif: number, now: number): Slot | undefined {
    let free: Slot | undefined;
    let own = 0;
    for (const slot of this.#slots) {
      if (slot.busy && slot.count > 0 && now - slot.since > REASSEMBLY_TIMEOUT_MS) this.#expire(slot);
      if (!slot.busy) free ??= slot;
      else if (slot.vif === vif && slot.count > 0) own++;
    }
    if (own >= REASSEMBLY_PER_PEER) free = this.#evictOldest(vif);
    else if (!free) free = this.#evictOldest(this.#greediest(own));
    if (!free) return undefined;
    free.busy = true;
    free.received = 0;
    return free;
  }

  /** The vif with the most incomplete packets, more than `own` and one; -1: there is none. */
  #greediest(own: number): number {
    this.#held.fill(0);
    let greediest = -1;
    let most = own + 1;
    for (const slot of this.#slots) {
      if (!slot.busy || slot.count === 0) continue;
      const held = this.#held[slot.vif]! + 1;
      this.#held[slot.vif] = held;
      if (held <= most) continue;
      most = held;
      greediest = slot.vif;
    }
    return greediest;
  }

  #evictOldest(vif: number): Slot | undefined {
    let oldest: Slot | undefined;
    for (const slot of this.#slots)
      if (slot.busy && slot.count > 0 && slot.vif === vif && (!oldest || slot.since < oldest.since))
        oldest = slot;
    if (oldest) this.#counters.drop(vif, DROP_FRAGMENT_OVERFLOW);
    return oldest;
  }

  #expire(slot: Slot): void {
    slot.busy = false;
    this.#counters.drop(slot.vif, DROP_FRAGMENT_TIMEOUT);
  }

  #spoil(slot: Slot, reason: number): false {
    slot.busy = false;
    return this.#refuse(slot.vif, reason);
  }

  #refuse(vif: number, reason: number): false {
    this.#counters.drop(vif, reason);
    return false;
  }
}

function overlaps(slot: Slot, index: number, start: number, size: number): boolean {
  if (slot.lengths[index] !== 0) return true;
  for (let i = 0; i < slot.count; i++) {
    const length = slot.lengths[i]!;
    if (length > 0 && start < slot.starts[i]! + length && slot.starts[i]! < start + size) return true;
  }
  return false;
}
