import { describe, expect, test } from "vitest";
import {
  CONFIRMATION_LASTS,
  MAX_PROBES,
  PMTU_RAISE_FIRST,
  PMTU_RAISE_TIMER,
  PROBE_TIMER_LEAST,
} from "#protocol/path/path-mtu.ts";
import { BASE_PLPMTU, MIN_PLPMTU } from "#wire/frame.ts";
import { SimPath } from "./sim-path.ts";

const complete = (path: SimPath) => () => path.machine.state === "SEARCH_COMPLETE";

function searched(mtu: number, headers?: number): SimPath {
  const path = new SimPath(mtu, headers);
  path.start();
  path.runFor(60_000, complete(path));
  return path;
}

/** A path that was wide and has become narrow, and is known to be. */
function narrowed(mtu: number): SimPath {
  const path = searched(1500);
  path.mtu = mtu;
  path.lose();
  path.runFor(5_000, () => path.machine.limit < 1472);
  path.runFor(10_000, complete(path));
  expect(path.machine.pathMtu).toBe(mtu);
  return path;
}

test("begins at BASE_PLPMTU, and a usual path is known after two round trips", () => {
  const path = new SimPath(1500);
  path.start();
  expect([path.machine.state, path.machine.limit]).toEqual(["BASE", BASE_PLPMTU]);
  expect(path.runFor(60_000, complete(path))).toBe(40);
  expect(path.machine.limit).toBe(1472);
  expect(path.machine.pathMtu).toBe(1500);
  expect(path.probes.map(({ size }) => size)).toEqual([BASE_PLPMTU, 1472]);
  expect(path.machine.pollTimeout()).toBeUndefined();
});

test.each([1240, 1280, 1380, 1412, 1420, 1480, 1492])("finds a path MTU of %i, within seconds", (mtu) => {
  const path = searched(mtu);
  expect(path.machine.pathMtu).toBe(mtu);
  expect(path.now).toBeLessThan(6_000);
});

test("an MTU that is none of the usual ones is never exceeded, nor missed by much", () => {
  for (let mtu = 1228; mtu <= 1500; mtu += 7) {
    const { pathMtu } = searched(mtu).machine;
    expect(pathMtu).toBeLessThanOrEqual(mtu);
    expect(pathMtu).toBeGreaterThan(mtu - 24);
  }
});

test("over IPv6 headers take 48 bytes", () => {
  expect(searched(1500, 48).machine.limit).toBe(1452);
  expect(searched(1280, 48).machine.limit).toBe(1232);
});

test("a size is given up after MAX_PROBES, not before", () => {
  const path = searched(1280);
  const tries = path.probes.filter(({ size }) => size === 1472);
  expect(tries).toHaveLength(MAX_PROBES);
  for (const [i, { at }] of tries.entries())
    if (i > 0) expect(at - tries[i - 1]!.at).toBeGreaterThanOrEqual(PROBE_TIMER_LEAST);
});

test("loss of every kind of packet tells nothing about sizes: the search still ends right", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const path = new SimPath(1500, 28, seed);
    path.loss = 0.3;
    path.start();
    path.runFor(600_000, () => path.machine.limit === 1472);
    expect(path.machine.limit).toBe(1472);
  }
});

test("an interface that takes less says so at once: no probe is waited for", () => {
  const path = new SimPath(1500);
  path.interfaceMtu = 1400;
  path.start();
  expect(path.runFor(60_000, complete(path))).toBeLessThan(500);
  expect(path.machine.pathMtu).toBe(1400);
});

describe("a path that becomes smaller", () => {
  test("is noticed when large datagrams are lost, without a word from ICMP", () => {
    const path = searched(1500);
    path.mtu = 1380;
    path.lose();
    expect(path.runFor(2_000, () => path.machine.limit < 1472)).toBeLessThan(1_000);
    expect([path.machine.state, path.machine.limit]).toEqual(["BASE", BASE_PLPMTU]);
    path.runFor(10_000, complete(path));
    expect(path.machine.pathMtu).toBe(1380);
  });

  test("is looked for when a flow begins after a pause; not again and again", () => {
    const path = searched(1500);
    const before = path.probes.length;
    path.begin();
    expect(path.probes.length).toBe(before);
    path.runFor(CONFIRMATION_LASTS);
    path.mtu = 1400;
    path.begin();
    expect(path.runFor(2_000, () => path.machine.limit < 1472)).toBeLessThan(1_000);
    path.runFor(10_000, complete(path));
    path.runFor(CONFIRMATION_LASTS);
    path.begin();
    path.runFor(1_000);
    const after = path.probes.length;
    path.begin();
    expect(path.probes.length).toBe(after);
  });

  test("loss of another cause is no reason to send less at once", () => {
    const path = searched(1500);
    path.lose();
    path.runFor(5_000);
    expect(path.limits.at(-1)).toBe(1472);
    expect(path.probes.slice(2).map(({ size }) => size)).toEqual([1472]);
  });

  test("nothing arrives at all: sizes have nothing to do with it", () => {
    const path = searched(1500);
    path.loss = 1;
    path.lose();
    path.runFor(60_000);
    expect([path.machine.state, path.machine.limit]).toEqual(["SEARCH_COMPLETE", 1472]);
  });

  test("and larger again: found after PMTU_RAISE_FIRST, later and later while it is not", () => {
    const path = narrowed(1280);
    const before = path.probes.length;
    path.runFor(3_600_000);
    const raises = path.probes.slice(before).filter(({ size }) => size === 1472);
    const starts = raises.filter((_, i) => i % MAX_PROBES === 0).map(({ at }) => at);
    expect(starts.length).toBeLessThan(13); // 15 s, 30 s, ... and every 600 s
    expect(starts.at(-1)! - starts.at(-2)!).toBeGreaterThanOrEqual(PMTU_RAISE_TIMER);
    path.mtu = 1500;
    expect(path.runFor(PMTU_RAISE_TIMER + 10_000, () => path.machine.limit === 1472)).toBeDefined();
  });

  test("for a moment: back within half a minute", () => {
    const path = narrowed(1280);
    path.mtu = 1500;
    const took = path.runFor(60_000, () => path.machine.limit === 1472);
    expect(took).toBeLessThan(2 * PMTU_RAISE_FIRST);
  });
});

describe("ERROR", () => {
  test("a path that does not even carry BASE_PLPMTU gets the smallest, and is asked again", () => {
    const path = new SimPath(1000);
    path.start();
    path.runFor(5_000, () => path.machine.state === "ERROR");
    expect(path.machine.limit).toBe(MIN_PLPMTU);
    path.mtu = 1500;
    expect(path.runFor(2 * PMTU_RAISE_FIRST, () => path.machine.limit === 1472)).toBeDefined();
    expect(path.machine.state).toBe("SEARCH_COMPLETE");
  });

  test("an interface of 1,000 bytes is known at once", () => {
    const path = new SimPath(1500);
    path.interfaceMtu = 1000;
    path.start();
    expect([path.machine.state, path.machine.limit]).toEqual(["ERROR", MIN_PLPMTU]);
  });
});

test("stopped, it says nothing and wants nothing", () => {
  const path = searched(1280);
  path.machine.stop();
  path.machine.confirm(path.now);
  path.machine.handleAnswer(1472, path.now);
  path.machine.handleTooBig(1200, path.now);
  expect(path.machine.state).toBe("DISABLED");
  expect(path.machine.nextCommand()).toBeUndefined();
  expect(path.machine.pollTimeout()).toBeUndefined();
});
