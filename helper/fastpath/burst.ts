// What the packets of one burst still have to do: exits with something queued, TTLs to lower. Local exits send first,
// because TTLs are lowered for all others only.
import { MAX_VIFS } from "#protocol/forwarding/route-table.ts";
import type { Arena } from "./arena.ts";
import { BATCH_MAX, Batch } from "./batch.ts";
import type { Exit } from "./batch.ts";
import { lowerTtl } from "./header-edits.ts";
import type { PeerSender } from "./peer-sender.ts";

export class Burst {
  readonly batch = new Batch();
  readonly #arena: Arena;
  readonly #sender: PeerSender;
  readonly #afterFlush: () => void;
  // Never shortened: setting an array's length is slow, and so is growing it again.
  readonly #active: (Exit | undefined)[] = Array.from({ length: 2 * MAX_VIFS });
  readonly #lower = new Int32Array(BATCH_MAX);
  #activeCount = 0;
  #lowerCount = 0;

  /** `afterFlush`: memory that the packets were in may be used again. */
  constructor(arena: Arena, sender: PeerSender, afterFlush: () => void) {
    this.#arena = arena;
    this.#sender = sender;
    this.#afterFlush = afterFlush;
  }

  /** To be called when a packet has been queued everywhere: makes room for the next one. */
  added(now: number): void {
    if (this.batch.count === BATCH_MAX) this.flush(now);
  }

  enqueue(exit: Exit, i: number): void {
    if (exit.queued === 0) this.#active[this.#activeCount++] = exit;
    exit.queue[exit.queued++] = i;
  }

  /** The packet's TTL goes down by one after the local exits have it. */
  lowerLater(i: number): void {
    this.#lower[this.#lowerCount++] = i;
  }

  /** Sends everything that is queued. */
  flush(now: number): void {
    if (this.batch.count > 0) {
      this.#flushExits(true, now);
      for (let n = 0; n < this.#lowerCount; n++) lowerTtl(this.#arena, this.batch.offset[this.#lower[n]!]!);
      this.#flushExits(false, now);
      this.#sender.flush(now);
      this.#activeCount = 0;
      this.#lowerCount = 0;
      this.batch.count = 0;
    }
    this.#afterFlush();
  }

  #flushExits(local: boolean, now: number): void {
    for (let n = 0; n < this.#activeCount; n++) {
      const exit = this.#active[n]!;
      if (exit.local === local) exit.flush(this.batch, now);
    }
  }
}
