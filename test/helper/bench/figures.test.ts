import { describe, expect, test } from "vitest";
import {
  comparisonTable,
  figuresOf,
  judge,
  median,
  type Figures,
  type HarnessResult,
} from "#test/bench/figures.ts";

const RESULT: HarnessResult = {
  name: "fastd",
  info: { title: "fastd TAP", encrypted: "Salsa20/12 + UMAC" },
  latency: [
    { got: { p50_us: 120, p99_us: 300 } },
    { got: { p50_us: 130, p99_us: 340 } },
    { got: { p50_us: 126, p99_us: 330 } },
  ],
  cpu: [{ tunnel_us_by_process: { "castaway-home": 20, "castaway-away": 13 } }],
  rss_kib: { "fastd-home": 4096, "fastd-away": 3072 },
  join: [
    [9, true],
    [0.4, false],
    [11, true],
  ],
  max: [
    { pps: 22_000, failed_at: { loss: 0.01 } },
    { pps: 33_000, sender_bound: true },
    { pps: 28_000, failed_at: { loss: 0 } },
  ],
};

const figures = (changes: Partial<Figures>): Figures => ({
  name: "castaway",
  title: "Castaway",
  encrypted: true,
  p50: 60,
  p99: 150,
  lossFree: 56_000,
  sourceBound: false,
  cpuOut: 8,
  cpuIn: 7,
  memory: [65, 66],
  joinMs: 12,
  ...changes,
});

describe("bench figures", () => {
  test("medians, ends, and joins to a stream that had stopped alone", () => {
    expect(figuresOf(RESULT)).toEqual({
      name: "fastd",
      title: "fastd TAP",
      encrypted: true,
      p50: 126,
      p99: 330,
      lossFree: 28_000,
      sourceBound: true,
      cpuOut: 20,
      cpuIn: 13,
      memory: [4, 3],
      joinMs: 10,
    });
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  test("ratios are ours by theirs", () => {
    const table = comparisonTable([figures({}), figuresOf(RESULT)]);
    expect(table.split("\n").at(-1)).toContain("| 0.45 x | 2.00 x | 0.48 x |");
  });

  test("aims hold and are missed by their limits", () => {
    const fastd = figuresOf(RESULT);
    const openvpn = figures({ name: "openvpn", p50: 99, p99: 173, lossFree: 19_000 });
    const vxlan = figures({ name: "vxlan-bridge", encrypted: false, joinMs: 11, lossFree: 88_000 });
    const held = judge([figures({}), fastd, openvpn, vxlan]);
    expect(held.map(({ holds }) => holds)).toEqual([true, true, true, true, true]);
    const bad = figures({ cpuOut: 10, lossFree: 30_000, p99: 180, joinMs: 15, memory: [60, 91] });
    const missed = judge([bad, fastd, openvpn, vxlan]);
    expect(missed.map(({ holds }) => holds)).toEqual([false, false, false, false, false]);
    expect(judge([fastd])).toEqual([]);
  });
});
