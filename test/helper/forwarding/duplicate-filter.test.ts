import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  DUPLICATE_WINDOW,
  DuplicateFilter,
  PACKET_DUPLICATE,
  PACKET_NEW,
  PACKET_TOO_MANY_ORIGINS,
  PACKET_TOO_OLD,
} from "#protocol/forwarding/duplicate-filter.ts";

const IDLE_MS = 60_000;
const TOP = 0xffffffff;

test("in order: all new; again: none", () => {
  const filter = new DuplicateFilter(4, IDLE_MS);
  for (let i = 0; i < 3000; i++) expect(filter.check(7, 1, i, 0)).toBe(PACKET_NEW);
  for (let i = 0; i < 3000; i++) expect(filter.check(7, 1, i, 0)).toBe(PACKET_DUPLICATE);
});

test("what was lost may come late, once, within the window and not behind it", () => {
  const filter = new DuplicateFilter(4, IDLE_MS);
  filter.check(7, 1, 100, 0);
  filter.check(7, 1, 100 + DUPLICATE_WINDOW, 0);
  expect(filter.check(7, 1, 101, 0)).toBe(PACKET_NEW);
  expect(filter.check(7, 1, 101, 0)).toBe(PACKET_DUPLICATE);
  expect(filter.check(7, 1, 100, 0)).toBe(PACKET_TOO_OLD);
});

test("the counter wraps into the next epoch and the window goes with it", () => {
  const filter = new DuplicateFilter(4, IDLE_MS);
  filter.check(7, 1, TOP - 1, 0);
  expect(filter.check(7, 2, 1, 0)).toBe(PACKET_NEW);
  expect(filter.check(7, 1, TOP, 0)).toBe(PACKET_NEW);
  expect(filter.check(7, 1, TOP - 1, 0)).toBe(PACKET_DUPLICATE);
  expect(filter.check(7, 2, 0, 0)).toBe(PACKET_NEW);
  expect(filter.check(7, 2, 1, 0)).toBe(PACKET_DUPLICATE);
});

test("a restart with a higher epoch starts anew and leaves the old epoch behind", () => {
  const filter = new DuplicateFilter(4, IDLE_MS);
  for (let i = 0; i < 50; i++) filter.check(7, 1, i, 0);
  for (let i = 0; i < 50; i++) expect(filter.check(7, 9, i, 0)).toBe(PACKET_NEW);
  expect(filter.check(7, 1, 60, 0)).toBe(PACKET_TOO_OLD);
});

test("origins do not disturb each other", () => {
  const filter = new DuplicateFilter(64, IDLE_MS);
  for (let origin = 0; origin < 64; origin++)
    expect(filter.check(origin * 0x2000001, 1, 5, 0)).toBe(PACKET_NEW);
  for (let origin = 0; origin < 64; origin++)
    expect(filter.check(origin * 0x2000001, 1, 5, 0)).toBe(PACKET_DUPLICATE);
});

describe("bounded number of origins", () => {
  test("a new one takes the place of one that was long silent, and of no other", () => {
    const filter = new DuplicateFilter(2, IDLE_MS);
    filter.check(1, 1, 5, 0);
    filter.check(2, 1, 5, 10_000);
    expect(filter.check(3, 1, 5, IDLE_MS)).toBe(PACKET_TOO_MANY_ORIGINS);
    expect(filter.check(3, 1, 5, IDLE_MS + 1)).toBe(PACKET_NEW);
    expect(filter.origins).toBe(2);
    expect(filter.check(2, 1, 5, IDLE_MS + 2)).toBe(PACKET_DUPLICATE);
  });

  test("endless origins leave those that are active alone", () => {
    const filter = new DuplicateFilter(16, IDLE_MS);
    let now = 0;
    for (let round = 0; round < 2000; round++) {
      now += 10_000;
      expect(filter.check(0xfffffff0, 1, round, now)).toBe(PACKET_NEW);
      filter.check(round * 7919, 1, 0, now);
      expect(filter.check(0xfffffff0, 1, round, now)).toBe(PACKET_DUPLICATE);
    }
    expect(filter.origins).toBe(16);
  });

  test("after a long silence an origin may come back with a lower epoch (its clock was set back)", () => {
    const filter = new DuplicateFilter(2, IDLE_MS);
    filter.check(1, 9, 5, 0);
    expect(filter.check(1, 3, 5, IDLE_MS)).toBe(PACKET_TOO_OLD);
    expect(filter.check(1, 3, 5, IDLE_MS + 1)).toBe(PACKET_NEW);
  });
});

test("any order of sequence numbers: the same verdicts as a set that remembers everything", () => {
  const step = fc.record({
    origin: fc.integer({ min: 0, max: 3 }),
    jump: fc.oneof(
      fc.integer({ min: -20, max: 40 }),
      fc.integer({ min: -DUPLICATE_WINDOW - 5, max: DUPLICATE_WINDOW + 5 }),
      fc.constant(2 ** 33),
    ),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.integer({ min: 2 ** 32 - 200, max: 2 ** 32 }),
      (steps, start) => {
        const filter = new DuplicateFilter(4, IDLE_MS);
        const highest = new Map<number, number>();
        const seen = new Set<string>();
        for (const { origin, jump } of steps) {
          const high = highest.get(origin);
          const sequence = Math.max(0, (high ?? start) + jump);
          const key = `${origin} ${sequence}`;
          const expected =
            high !== undefined && sequence <= high - DUPLICATE_WINDOW
              ? PACKET_TOO_OLD
              : seen.has(key)
                ? PACKET_DUPLICATE
                : PACKET_NEW;
          expect(filter.check(origin, Math.floor(sequence / 2 ** 32), sequence % 2 ** 32, 0)).toBe(expected);
          if (expected === PACKET_NEW) seen.add(key);
          highest.set(origin, Math.max(high ?? 0, sequence));
        }
      },
    ),
    { numRuns: 300 },
  );
});
