import { describe, expect, test } from "vitest";
import { WakeModeration } from "#fastpath/wake-moderation.ts";

/** Bursts of `packets`, `gapMs` apart, for `ms`; how often it asked for a rest. */
function rests(moderation: WakeModeration, packets: number, gapMs: number, ms: number, from = 0): number {
  let count = 0;
  for (let now = from; now < from + ms; now += gapMs) if (moderation.afterBurst(packets, now)) count++;
  return count;
}

describe("the loop rests between bursts", () => {
  test("never at 1,000 packets a second", () => {
    expect(rests(new WakeModeration(), 1, 1, 1000)).toBe(0);
  });

  test("never at 2,500 packets a second", () => {
    expect(rests(new WakeModeration(), 1, 0.4, 1000)).toBe(0);
  });

  test("at 10,000 packets a second, one by one", () => {
    expect(rests(new WakeModeration(), 1, 0.1, 1000)).toBeGreaterThan(9_000);
  });

  test("not for one frame of a video: 20 packets at once, every 40 ms", () => {
    expect(rests(new WakeModeration(), 20, 40, 4000)).toBe(0);
  });

  test("not where bursts are long already", () => {
    expect(rests(new WakeModeration(), 64, 0.2, 1000)).toBe(0);
  });

  test("no longer when the stream ends, or becomes slow", () => {
    const moderation = new WakeModeration();
    rests(moderation, 1, 0.1, 100);
    expect(moderation.afterBurst(1, 1000)).toBe(false);
    expect(rests(moderation, 1, 1, 100, 1001)).toBe(0);
  });

  test("goes on between the two rates, once it has begun", () => {
    const moderation = new WakeModeration();
    rests(moderation, 1, 0.1, 100);
    expect(rests(moderation, 1, 1 / 3.5, 100, 100)).toBeGreaterThan(300);
  });
});
