import { describe, expect, test } from "vitest";
import type { History } from "#main/contract/calls.ts";
import { minutesOf, summaryOf } from "#renderer/screens/streams/rate-summary.ts";
import { RateHistory } from "#renderer/state/history.svelte.ts";
import { GROUP_STEPS, RateLog, SUM_STEPS } from "#renderer/state/rate-log.ts";
import { fakePeerVif } from "#test/support/app/fake-peer-vif.ts";
import { fakeGroup } from "#test/support/app/fake-state.ts";
import { fakeApp, refusal } from "./fake-app.ts";

const START = Date.UTC(2026, 5, 1, 20, 15);
const KEY = "192.168.1.20 239.1.0.1";
const seen = (...rates: number[]) => ({
  vifs: [fakePeerVif("peer-home-0", "n1", 0)],
  groups: rates.map((rateBps, i) => fakeGroup(i, { rateBps })),
});
const history = (received: number[], changes: Partial<History> = {}): History => ({
  endsAt: START,
  stepMs: 1_000,
  received,
  sent: received.map(() => 0),
  groups: {},
  ...changes,
});
const tail = (values: ArrayLike<number> | undefined, count: number): number[] =>
  Array.from(values ?? []).slice(-count);
const { NaN: gap } = Number;

describe("the log of rates", () => {
  test("has a value a second", () => {
    const log = new RateLog();
    expect(log.endsAt).toBe(0);
    log.add(seen(5), START);
    expect(log.add(seen(7), START + 1_000)).toBe(true);
    expect(log.endsAt).toBe(START + 1_000);
    expect(tail(log.received, 3)).toEqual([gap, 5, 7]);
    expect(tail(log.sent, 2)).toEqual([0, 0]);
    expect(tail(log.group(KEY), 3)).toEqual([gap, 5, 7]);
  });

  test("bridges a late timer, and takes the newer of two values for one second", () => {
    const log = new RateLog();
    log.add(seen(5), START);
    log.add(seen(6), START + 400);
    expect(log.add(seen(8), START + 3_100)).toBe(true);
    expect(tail(log.received, 4)).toEqual([6, 8, 8, 8]);
  });

  test("leaves a gap after more than that, and says so", () => {
    const log = new RateLog();
    log.add(seen(5), START);
    expect(log.add(seen(8), START + 5_000)).toBe(false);
    expect(tail(log.received, 6)).toEqual([5, gap, gap, gap, gap, 8]);
  });

  test("knows nothing while nobody says anything", () => {
    const log = new RateLog();
    log.add(seen(5), START);
    log.add(null, START + 1_000);
    log.add(null, START + 2_000);
    log.add(seen(6), START + 3_000);
    expect(tail(log.received, 4)).toEqual([5, gap, gap, 6]);
  });

  test("forgets a group that was silent for a minute, and what is older than ten minutes", () => {
    const log = new RateLog();
    log.add(seen(5), START);
    for (let second = 1; second <= GROUP_STEPS; second++) log.add(seen(0), START + second * 1_000);
    expect(log.group(KEY)).toBeUndefined();
    expect(tail(log.received, GROUP_STEPS + 1)[0]).toBe(5);
    log.add(seen(1), START + 2 * SUM_STEPS * 1_000);
    expect(log.received.filter((value) => !Number.isNaN(value))).toEqual(new Float64Array([1]));
  });

  test("begins anew where the clock was set back", () => {
    const log = new RateLog();
    log.add(seen(5), START);
    log.add(seen(6), START - 3_600_000);
    expect(log.endsAt).toBe(START - 3_600_000);
    expect(tail(log.received, 2)).toEqual([gap, 6]);
  });
});

describe("what the shell remembers", () => {
  test("holds for its time, and what was seen before stays", () => {
    const log = new RateLog();
    for (let second = 0; second < 4; second++) log.add(seen(second + 1), START + second * 1_000);
    log.merge(history([30, 40]), START + 3_000);
    expect(tail(log.received, 5)).toEqual([gap, 1, 2, 30, 40]);
  });

  test("fills a gap", () => {
    const log = new RateLog();
    log.add(seen(1), START);
    log.add(seen(9), START + 6_000);
    log.merge(history([2, 3, 4, 5, 6, 9], { groups: { [KEY]: [4, 5, 6, 9] } }), START + 6_000);
    expect(tail(log.received, 7)).toEqual([1, 2, 3, 4, 5, 6, 9]);
    expect(tail(log.group(KEY), 5)).toEqual([gap, 4, 5, 6, 9].with(0, gap));
  });

  test("ends now, whatever the other clock says; what comes next follows on", () => {
    const log = new RateLog();
    log.merge(history([1, 2], { endsAt: START - 86_400_000 }), START);
    log.add(seen(3), START + 1_000);
    expect(tail(log.received, 4)).toEqual([gap, 1, 2, 3]);
  });

  test("may be empty, longer than there is room for, or in other steps", () => {
    const log = new RateLog();
    log.merge(history([]), START);
    expect(log.received.every(Number.isNaN)).toBe(true);
    log.merge(history(Array.from({ length: 1_000 }, (_, i) => i)), START);
    expect(log.received[0]).toBe(1_000 - SUM_STEPS);
    log.merge(history([7, 8], { stepMs: 2_000 }), START);
    expect(tail(log.received, 5)).toEqual([995, 7, 7, 8, 8]);
  });
});

/** Ticks when told. */
function clockOf() {
  let tick = (): void => {};
  const clock = {
    at: START,
    now: () => clock.at,
    every: (_ms: number, work: () => void) => {
      tick = work;
      return () => void (tick = () => {});
    },
    go: (ms: number) => {
      clock.at += ms;
      tick();
    },
  };
  return clock;
}

describe("the history on a screen", () => {
  test("begins with the shell's, goes on by itself, and ends with the screen", async () => {
    const { shell, model } = await fakeApp();
    shell.handlers["history"] = () => history([1, 2, 3]);
    const clock = clockOf();
    const shown = new RateHistory(model.bridge, clock);
    const stop = shown.follow(() => seen(4));
    await shown.ask();
    clock.go(1_000);
    expect(tail(shown.received, 4)).toEqual([1, 2, 3, 4]);
    const { version } = shown;
    stop();
    clock.go(1_000);
    expect(shown.version).toBe(version);
  });

  test("asks again after a gap, as when the computer slept", async () => {
    const { shell, model } = await fakeApp();
    const clock = clockOf();
    const shown = new RateHistory(model.bridge, clock);
    shell.handlers["history"] = () => history([1]);
    shown.follow(() => seen(4));
    await shown.ask();
    clock.go(1_000);
    shell.handlers["history"] = () => history([6, 7, 8, 9]);
    clock.go(60_000);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    expect(shell.calls.filter(({ call }) => call === "history")).toHaveLength(2);
    expect(tail(shown.received, 4)).toEqual([6, 7, 8, 9]);
  });

  test("keeps what was seen here where the shell cannot say", async () => {
    const { shell, model } = await fakeApp();
    shell.handlers["history"] = () => {
      throw refusal("internal");
    };
    const clock = clockOf();
    const shown = new RateHistory(model.bridge, clock);
    shown.follow(() => seen(4));
    clock.go(1_000);
    await shown.ask();
    expect(tail(shown.received, 1)).toEqual([4]);
  });
});

describe("in numbers", () => {
  test("now, mean and most, of what is known", () => {
    expect(summaryOf([gap, 2, 4, 3])).toEqual({ now: 3, mean: 3, most: 4 });
    expect(summaryOf([2, gap])).toEqual({ now: null, mean: 2, most: 2 });
    expect(summaryOf([gap])).toEqual({ now: null, mean: null, most: null });
    expect(summaryOf([])).toEqual({ now: null, mean: null, most: null });
  });

  test("by the minute, the newest first, without those of which nothing is known", () => {
    const received = Array.from({ length: SUM_STEPS }, (_, i) => (i < 480 ? gap : i < 540 ? 10 : 20));
    const minutes = minutesOf(received, received, START, 1_000);
    expect(minutes.map(({ endsAt, received: { mean } }) => [endsAt, mean])).toEqual([
      [START, 20],
      [START - 60_000, 10],
    ]);
  });
});
