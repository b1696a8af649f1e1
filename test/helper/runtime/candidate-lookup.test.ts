import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { CandidateLookup } from "#runtime/candidate-lookup.ts";
import { Scheduler } from "#runtime/scheduler.ts";

const ADDRESS = { host: "192.0.2.1", port: 4000 };
const NAME = { host: "home.example", port: 4000 };
const KNOWN = { address: "192.0.2.1", port: 4000 };
const NAMED = { address: "192.0.2.9", port: 4000 };

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
});

function scene(candidates: readonly Candidate[], answerAfter = 10) {
  const clock = { now: () => performance.now(), wall: () => Date.now() };
  const scheduler: Scheduler = new Scheduler(clock, () => scheduler.arm());
  const it = {
    wanted: true,
    answer: [KNOWN, NAMED] as readonly Endpoint[],
    asked: 0,
    found: [] as (readonly Endpoint[])[],
    lookup: undefined as unknown as CandidateLookup,
    async run(ms: number): Promise<void> {
      scheduler.arm();
      await vi.advanceTimersByTimeAsync(ms);
    },
  };
  it.lookup = new CandidateLookup({
    core: { clock, scheduler },
    candidates: () => candidates,
    resolve: async () => {
      it.asked++;
      await new Promise((resolve) => setTimeout(resolve, answerAfter));
      return it.answer;
    },
    wanted: () => it.wanted,
    found: (endpoints) => it.found.push(endpoints),
  });
  return it;
}

test("addresses are there at once, and need nobody to look them up", async () => {
  const it = scene([ADDRESS]);
  it.lookup.start();
  expect(it.found).toEqual([[KNOWN]]);
  await it.run(600_000);
  expect([it.asked, it.found.length]).toEqual([0, 1]);
});

test("addresses do not wait for names", async () => {
  const it = scene([ADDRESS, NAME], 30_000);
  it.lookup.start();
  expect(it.found).toEqual([[KNOWN]]);
  await it.run(29_000);
  expect([it.asked, it.found.length]).toEqual([1, 1]); // one at a time, however long it takes
  await it.run(2_000);
  expect(it.found.at(-1)).toEqual([KNOWN, NAMED]);
});

test("a name is looked up again while nobody answers: after 5 s, then seldom, once a minute at last", async () => {
  const it = scene([NAME]);
  it.answer = [];
  it.lookup.start();
  await it.run(4_900);
  expect(it.asked).toBe(1);
  await it.run(200);
  expect(it.asked).toBe(2);
  await it.run(600_000);
  expect(it.asked).toBeGreaterThan(10);
  expect(it.asked).toBeLessThan(16);
  it.answer = [NAMED]; // the portal has let us in
  await it.run(61_000);
  expect(it.found.at(-1)).toEqual([NAMED]);
  it.wanted = false;
  const { asked } = it;
  await it.run(600_000);
  expect(it.asked).toBe(asked);
});

test("at once when the network changes, and never after the end", async () => {
  const it = scene([NAME]);
  it.lookup.start();
  await it.run(600_000);
  const { asked } = it;
  it.lookup.start();
  expect(it.asked).toBe(asked + 1);
  await it.run(5_100);
  expect(it.asked).toBe(asked + 2);
  it.lookup.stop();
  await it.run(600_000);
  expect(it.asked).toBe(asked + 2);
});
