import { describe, expect, test } from "vitest";
import { Dialer } from "#protocol/session/dialer.ts";
import { seeded } from "./sim-network.ts";

const TO = { address: "192.0.2.1", port: 4000 };

/** When fresh attempts begin, ms after the start. */
function attempts(dialer: Dialer, from: number, until: number, random: () => number): number[] {
  const begun: number[] = [];
  for (let now = from; ;) {
    const due = dialer.pollTimeout() ?? Infinity;
    if (due > until) return begun;
    now = Math.max(now, due);
    if (dialer.handleTimeout(now, random(), 20).some(({ fresh }) => fresh)) begun.push(now - from);
  }
}

const gaps = (times: readonly number[]): number[] => times.slice(1).map((time, i) => time - times[i]!);

describe("back-off", () => {
  test("from a quarter of a second to half a minute, and never beyond", () => {
    const dialer = new Dialer([TO]);
    dialer.start(1_000);
    const begun = attempts(dialer, 1_000, 3_600_000, seeded(1));
    const waits = gaps(begun);
    expect(begun[0]).toBe(0);
    expect(waits[0]).toBeGreaterThanOrEqual(250);
    expect(waits[0]).toBeLessThan(313);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
    expect(Math.min(...waits.slice(-20))).toBeGreaterThanOrEqual(24_000);
    // Dense while most troubles last: once a second at least for 20 s.
    expect(begun.filter((time) => time < 20_000).length).toBeGreaterThanOrEqual(16);
  });

  test("members that lost the host at one moment do not come back in step", () => {
    const last = Array.from({ length: 100 }, (_, seed) => {
      const dialer = new Dialer([TO]);
      dialer.start(0);
      return attempts(dialer, 0, 300_000, seeded(seed)).at(-1)!;
    });
    const inOneSecond = (at: number): number => last.filter((time) => Math.abs(time - at) < 500).length;
    expect(Math.max(...last.map(inOneSecond))).toBeLessThan(20);
  });

  test("begins anew, at once, when the network has changed", () => {
    const dialer = new Dialer([TO]);
    dialer.start(0);
    attempts(dialer, 0, 600_000, seeded(1));
    dialer.restart(600_000);
    const begun = attempts(dialer, 600_000, 605_000, seeded(2));
    expect(begun[0]).toBe(0);
    expect(begun[1]).toBeLessThan(313);
    expect(begun.length).toBeGreaterThanOrEqual(5);
  });
});
