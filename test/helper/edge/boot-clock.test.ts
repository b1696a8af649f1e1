import { expect, test } from "vitest";
import { bootClock, watchClockChange } from "#edge/linux/boot-clock.ts";

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1_000;

test("goes on by what was slept, from when that is taken in", () => {
  let offset: number | undefined = 12_000; // slept before this process began
  const clock = bootClock(() => offset);
  const shared = new Float64Array(clock.slept);
  expect(near(clock.now(), performance.now())).toBe(true);
  expect(clock.catchUp()).toBe(0);
  offset += 20; // no sleep: what lies between two looks
  expect(clock.catchUp()).toBe(0);
  offset += 300_000;
  expect(near(clock.now(), performance.now())).toBe(true);
  expect(clock.catchUp()).toBe(300_020);
  expect(near(clock.now(), performance.now() + 300_020)).toBe(true);
  expect(shared[0]).toBe(300_020);
  expect(clock.catchUp()).toBe(0);
  offset = undefined; // could not be read
  expect(clock.catchUp()).toBe(0);
  offset = 5_000; // no clock goes back
  expect(clock.catchUp()).toBe(0);
  expect(shared[0]).toBe(300_020);
});

test("the kernel's clocks: awake, nothing is slept, and nothing is told", async () => {
  const clock = bootClock();
  let told = 0;
  const watch = watchClockChange(() => told++);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect([clock.catchUp(), told]).toEqual([0, 0]);
  watch.close();
});
