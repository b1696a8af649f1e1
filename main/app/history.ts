// What was carried lately: ten minutes of the sums, one minute of each group, one value a second. Rings of fixed size:
// a daemon with more groups than there is room for has the rest in the sums alone.
import type { Group, Snapshot } from "#contract/snapshot.ts";
import type { History } from "#main/contract/calls.ts";
import { groupKey, multicastRates } from "#main/contract/rates.ts";

export const HISTORY_STEP_MS = 1_000;
const SUM_VALUES = 600;
const GROUP_VALUES = 60;
const MAX_GROUPS = 1_024;
const NOTHING = { received: 0, sent: 0 };

export class RateHistory {
  #endsAt = 0;
  readonly #received = new Ring(SUM_VALUES);
  readonly #sent = new Ring(SUM_VALUES);
  readonly #groups = new Map<string, GroupRing>();

  /**
   * One sample; `now` in wall ms. What lies between two samples more than a step apart was not seen, and counts as
   * nothing carried. `snapshot` null: the daemon is away.
   */
  add(snapshot: Pick<Snapshot, "groups" | "vifs"> | null, now: number): void {
    const step = Math.floor(now / HISTORY_STEP_MS) * HISTORY_STEP_MS;
    const steps = this.#endsAt === 0 ? 1 : (step - this.#endsAt) / HISTORY_STEP_MS;
    if (steps === 0) return; // a timer that was early
    if (steps < 0) this.#clear(); // the clock was set back: the axis begins anew
    this.#endsAt = step;
    for (let missed = Math.min(steps, SUM_VALUES) - 1; missed > 0; missed--) this.#push(0, 0, []);
    const { received, sent } = snapshot ? multicastRates(snapshot) : NOTHING;
    this.#push(received, sent, snapshot?.groups ?? []);
  }

  read(): History {
    const groups = [...this.#groups].map(([key, { ring }]) => [key, ring.values()] as const);
    return {
      endsAt: this.#endsAt,
      stepMs: HISTORY_STEP_MS,
      received: this.#received.values(),
      sent: this.#sent.values(),
      groups: Object.fromEntries(groups),
    };
  }

  #push(received: number, sent: number, groups: readonly Group[]): void {
    this.#received.push(received);
    this.#sent.push(sent);
    const rates = new Map(groups.map((group) => [groupKey(group), group.rateBps]));
    for (const [key, one] of this.#groups) {
      const rate = rates.get(key) ?? 0;
      one.ring.push(rate);
      one.silent = rate === 0 ? one.silent + 1 : 0;
      if (one.silent >= GROUP_VALUES) this.#groups.delete(key); // nothing but zeros
      rates.delete(key);
    }
    for (const [key, rate] of rates) {
      if (rate === 0 || this.#groups.size >= MAX_GROUPS) continue;
      const ring = new Ring(GROUP_VALUES);
      ring.push(rate);
      this.#groups.set(key, { ring, silent: 0 });
    }
  }

  #clear(): void {
    this.#received.clear();
    this.#sent.clear();
    this.#groups.clear();
  }
}

interface GroupRing {
  readonly ring: Ring;
  /** Values of zero at its end. */
  silent: number;
}

class Ring {
  readonly #values: Float64Array;
  #count = 0;
  #next = 0;

  constructor(size: number) {
    this.#values = new Float64Array(size);
  }

  push(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#values.length;
    this.#count = Math.min(this.#count + 1, this.#values.length);
  }

  clear(): void {
    this.#count = 0;
    this.#next = 0;
  }

  /** The oldest first. */
  values(): number[] {
    const { length } = this.#values;
    const first = this.#next - this.#count + length;
    return Array.from({ length: this.#count }, (_, i) => this.#values[(first + i) % length] ?? 0);
  }
}
