import * as fc from "fast-check";
import { expect, test } from "vitest";
import { REPLAY_WINDOW, ReplayWindow } from "#noise/replay-window.ts";

test("each counter once", () => {
  const window = new ReplayWindow();
  for (const counter of [0, 1, 5, 3, 2, 4]) {
    expect(window.fresh(counter)).toBe(true);
    expect(window.accept(counter)).toBe(true);
    expect(window.fresh(counter)).toBe(false);
    expect(window.accept(counter)).toBe(false);
  }
});

test("the edge of the window", () => {
  const window = new ReplayWindow();
  expect(window.accept(10_000)).toBe(true);
  expect(window.accept(10_000 - REPLAY_WINDOW)).toBe(false);
  expect(window.accept(10_000 - REPLAY_WINDOW + 1)).toBe(true);
});

test("asking marks nothing", () => {
  const window = new ReplayWindow();
  window.fresh(70_000);
  expect(window.accept(3)).toBe(true);
});

test("a jump of any length forgets nothing that still counts and keeps nothing that does not", () => {
  const window = new ReplayWindow();
  for (let counter = 0; counter < 3000; counter++) window.accept(counter);
  const far = 2 ** 52 + 1;
  expect(window.accept(far)).toBe(true);
  for (let counter = far - REPLAY_WINDOW + 1; counter < far; counter++)
    expect(window.accept(counter)).toBe(true);
  expect(window.accept(2999)).toBe(false);
});

test("agrees with a set that remembers everything", () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: -40, max: 60 }) },
      { weight: 2, arbitrary: fc.integer({ min: -2 * REPLAY_WINDOW, max: 2 * REPLAY_WINDOW }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
    ),
    { maxLength: 400 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), steps, (start, deltas) => {
      const window = new ReplayWindow();
      const seen = new Set<number>();
      let greatest = -1;
      let at = start;
      for (const delta of deltas) {
        const counter = Math.max(0, at + delta);
        const expected = counter > greatest - REPLAY_WINDOW && !seen.has(counter);
        if (window.accept(counter) !== expected) return false;
        if (expected) seen.add(counter);
        if (counter > greatest) greatest = at = counter;
      }
      return true;
    }),
  );
});
