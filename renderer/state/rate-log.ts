// What was carried lately, second by second: what the shell remembers, and what was seen here since.
import type { Snapshot } from "#contract/snapshot.ts";
import type { History } from "#main/contract/calls.ts";
import { groupKey, multicastRates } from "#main/contract/rates.ts";

export const STEP_MS = 1_000;
export const SUM_STEPS = 600;
export const GROUP_STEPS = 60;
/** A timer of a busy page is late now and then: that is no gap. */
const BRIDGED_STEPS = 3;

/** Bits a second, one value each STEP_MS, the newest last; NaN where nobody looked. */
export type Rates = Float64Array;

function unknown(steps: number): Rates {
  return new Float64Array(steps).fill(Number.NaN);
}

export class RateLog {
  #end = 0; // in steps since 1970
  readonly #received = unknown(SUM_STEPS);
  readonly #sent = unknown(SUM_STEPS);
  readonly #groups = new Map<string, Rates>();

  /** Wall ms at which the newest value ends; 0 while there is none. */
  get endsAt(): number {
    return this.#end * STEP_MS;
  }

  get received(): Rates {
    return this.#received;
  }

  get sent(): Rates {
    return this.#sent;
  }

  /** By `groupKey`; undefined: nothing of it is known. */
  group(key: string): Rates | undefined {
    return this.#groups.get(key);
  }

  /**
   * What is carried at `now` (wall ms); null: the daemon is away, or nobody says. Returns false where too much time
   * has passed since the last one, so that the shell should be asked what was in between.
   */
  add(snapshot: Pick<Snapshot, "groups" | "vifs"> | null, now: number): boolean {
    const steps = this.#advance(now);
    if (!snapshot) return true;
    const fill = this.#isFirst || steps > BRIDGED_STEPS ? 1 : Math.max(1, steps);
    this.#isFirst = false;
    const { received, sent } = multicastRates(snapshot);
    this.#received.fill(received, SUM_STEPS - fill);
    this.#sent.fill(sent, SUM_STEPS - fill);
    for (const group of snapshot.groups) {
      const key = groupKey(group);
      const known = this.#groups.get(key);
      if (!known && group.rateBps === 0) continue;
      const rates = known ?? unknown(GROUP_STEPS);
      rates.fill(group.rateBps, GROUP_STEPS - fill);
      this.#groups.set(key, rates);
    }
    return steps <= BRIDGED_STEPS;
  }

  #isFirst = true;

  /**
   * What the shell remembers. Its values hold for the time that they cover, ours for what was before. Its last value
   * counts as that of `now`: the shell's clock may be another computer's.
   */
  merge(history: History, now: number): void {
    this.#advance(now);
    overwrite(this.#received, history.received, history.stepMs);
    overwrite(this.#sent, history.sent, history.stepMs);
    for (const [key, values] of Object.entries(history.groups)) {
      const rates = this.#groups.get(key) ?? unknown(GROUP_STEPS);
      overwrite(rates, values, history.stepMs);
      this.#groups.set(key, rates);
    }
    if (history.received.length > 0) this.#isFirst = false;
  }

  /** Returns the steps since the last value. */
  #advance(now: number): number {
    const end = Math.floor(now / STEP_MS);
    const steps = end - this.#end;
    if (steps < 0) this.#clear(); // the clock was set back: the axis begins anew
    this.#end = end;
    if (steps <= 0) return 0;
    for (const rates of [this.#received, this.#sent]) shift(rates, steps);
    for (const [key, rates] of this.#groups) {
      shift(rates, steps);
      if (!rates.some((rate) => rate > 0)) this.#groups.delete(key);
    }
    return steps;
  }

  #clear(): void {
    this.#received.fill(Number.NaN);
    this.#sent.fill(Number.NaN);
    this.#groups.clear();
    this.#isFirst = true;
  }
}

function shift(rates: Rates, steps: number): void {
  const gone = Math.min(steps, rates.length);
  rates.copyWithin(0, gone);
  rates.fill(Number.NaN, rates.length - gone);
}

function overwrite(rates: Rates, values: readonly number[], stepMs: number): void {
  for (let back = 1; back <= rates.length; back++) {
    const value = values[values.length - Math.ceil((back * STEP_MS) / Math.max(1, stepMs))];
    if (value === undefined) return;
    rates[rates.length - back] = value;
  }
}
