import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ContinuedSignal } from "#runtime/continued-signal.ts";

let heard = 0;
let others: number;
let signal: ContinuedSignal;

beforeEach(() => {
  vi.useFakeTimers();
  heard = 0;
  others = process.listenerCount("SIGCONT");
  signal = new ContinuedSignal(() => heard++);
});
afterEach(() => {
  signal.stop();
  vi.useRealTimers();
});

const listening = (): boolean => process.listenerCount("SIGCONT") > others;
const send = (): boolean => process.emit("SIGCONT");

test("of a flood one signal is heard, and in the pause nothing listens; the next one after it counts", () => {
  for (let i = 0; i < 10; i++) send();
  expect(heard).toBe(1);
  expect(listening()).toBe(false);
  vi.advanceTimersByTime(250);
  send();
  expect(heard).toBe(2);
});

test("stopped, also in the pause, it does not come back", () => {
  send();
  signal.stop();
  vi.advanceTimersByTime(10_000);
  send();
  expect(heard).toBe(1);
  expect(listening()).toBe(false);
});
