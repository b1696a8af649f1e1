import { describe, expect, test } from "vitest";
import {
  BREAK_INTERVALS,
  CircuitBreaker,
  CLEAN_INTERVALS,
  LOWEST_RATE,
  REOPEN_FIRST,
  REPORT_INTERVAL,
} from "#protocol/path/circuit-breaker.ts";

const DATAGRAM = 1_400;

/** A stream of a steady rate over a path that carries so much, and loses a share of the rest anyhow. */
class Stream {
  readonly breaker = new CircuitBreaker();
  now = 1_000;
  rate: number;
  capacity = Infinity;
  radioLoss = 0;
  /** Of each second: what the breaker let go, what arrived of it, in bits. */
  readonly sent: number[] = [];
  readonly arrived: number[] = [];

  constructor(rate: number) {
    this.rate = rate;
  }

  run(seconds: number): this {
    for (let second = 0; second < seconds; second++) this.#second();
    return this;
  }

  /** Seconds until it holds. */
  until(holds: () => boolean, most = 600): number {
    let seconds = 0;
    for (; !holds(); seconds++) {
      if (seconds === most) throw new Error(`not within ${most} s`);
      this.#second();
    }
    return seconds;
  }

  #second(): void {
    this.now += REPORT_INTERVAL;
    this.breaker.handleTimeout(this.now);
    const sent = Math.min(this.rate, this.breaker.limit ?? Infinity);
    const arrived = Math.min(sent, this.capacity) * (1 - this.radioLoss);
    this.sent.push(sent);
    this.arrived.push(arrived);
    const datagrams = (bits: number): number => Math.round(bits / 8 / DATAGRAM);
    this.breaker.handleInterval(
      {
        ms: REPORT_INTERVAL,
        expected: datagrams(sent),
        received: datagrams(arrived),
        sentBytes: sent / 8,
        dropped: datagrams(this.rate - sent),
      },
      this.now,
    );
  }
}

const M = 1e6;

test("little loss, even for long, and much loss for a moment are no reason to act", () => {
  const stream = new Stream(6 * M);
  stream.radioLoss = 0.1;
  stream.run(100);
  expect(stream.breaker.state).toBe("closed");
  expect(stream.breaker.loss).toBeCloseTo(0.1, 2);
  for (let n = 0; n < 20; n++) {
    stream.radioLoss = 0.8;
    stream.run(BREAK_INTERVALS - 1);
    stream.radioLoss = 0;
    stream.run(1);
  }
  expect(stream.breaker.limit).toBeUndefined();
});

describe("6 Mbit/s into a path of 2", () => {
  const narrow = (): Stream => {
    const stream = new Stream(6 * M);
    stream.capacity = 2 * M;
    return stream;
  };

  test("after three bad intervals no more is sent than arrives", () => {
    const stream = narrow().run(BREAK_INTERVALS);
    expect(stream.breaker.state).toBe("limiting");
    expect(stream.breaker.limit).toBeGreaterThan(1.7 * M);
    expect(stream.breaker.limit).toBeLessThan(2 * M);
  });

  test("from then on the path is used and nearly nothing is lost", () => {
    const stream = narrow().run(BREAK_INTERVALS);
    const start = stream.sent.length;
    stream.run(300);
    const sum = (values: readonly number[]): number => values.slice(start).reduce((a, b) => a + b, 0);
    expect(1 - sum(stream.arrived) / sum(stream.sent)).toBeLessThan(0.1);
    expect(sum(stream.arrived) / 300).toBeGreaterThan(1.7 * M);
    expect(Math.max(...stream.sent.slice(start))).toBeLessThan(2.6 * M);
  });

  test("the path widens: the limit grows step by step, and goes", () => {
    const stream = narrow().run(20);
    stream.capacity = 100 * M;
    const start = stream.sent.length;
    const seconds = stream.until(() => stream.breaker.state === "closed");
    expect(seconds).toBeGreaterThan(20);
    expect(seconds).toBeLessThan(90);
    const steps = stream.sent.slice(start + 1).map((sent, i) => sent - stream.sent[start + i]!);
    expect(Math.max(...steps)).toBeLessThanOrEqual(0.13 * M);
    expect(stream.run(1).sent.at(-1)).toBe(6 * M);
  });

  test("the stream itself becomes small: no limit is needed after some clean intervals", () => {
    const stream = narrow().run(10);
    stream.rate = 1 * M;
    expect(stream.until(() => stream.breaker.limit === undefined)).toBeLessThanOrEqual(CLEAN_INTERVALS + 1);
  });
});

test("a radio link that loses the same of less: the stream is not cut down to nothing", () => {
  const stream = new Stream(6 * M);
  stream.radioLoss = 0.25;
  stream.run(100);
  expect(stream.breaker.state).toBe("limiting");
  expect(stream.sent.at(-1)).toBe(6 * M);
  stream.radioLoss = 0;
  stream.run(CLEAN_INTERVALS + 1);
  expect(stream.breaker.state).toBe("closed");
});

describe("extreme loss", () => {
  test("opens the breaker at last, and it is tried again, seldom", () => {
    const stream = new Stream(6 * M);
    stream.radioLoss = 0.97;
    stream.until(() => stream.breaker.state === "open", 30);
    expect(stream.breaker.limit).toBe(0);
    expect(stream.breaker.pollTimeout()).toBe(stream.now + REOPEN_FIRST);
    const start = stream.sent.length;
    stream.run(600);
    const after = stream.sent.slice(start);
    expect(Math.max(...after)).toBe(LOWEST_RATE);
    expect(after.filter((sent) => sent > 0).length).toBeLessThan(60);
  });

  test("ends: it comes back through the lowest rate", () => {
    const stream = new Stream(6 * M);
    stream.radioLoss = 0.97;
    stream.until(() => stream.breaker.state === "open", 30);
    stream.radioLoss = 0;
    expect(stream.until(() => stream.breaker.state === "closed")).toBeLessThan(120);
    expect(stream.sent.slice(-60)).toContain(LOWEST_RATE);
  });
});

test("few datagrams say nothing, and no multicast is none that could be limited", () => {
  const breaker = new CircuitBreaker();
  const few = { ms: 1_000, expected: 10, received: 0, sentBytes: 14_000, dropped: 0 };
  const none = { ms: 1_000, expected: 1_000, received: 100, sentBytes: 0, dropped: 0 };
  for (let n = 1; n < 100; n++) breaker.handleInterval(n % 2 ? few : none, n * 1_000);
  expect(breaker.limit).toBeUndefined();
});

test("whatever the reports say, the limit stays a rate", () => {
  const breaker = new CircuitBreaker();
  const odd = [0, 1, 19, 20, 1e6, 2 ** 31];
  let now = 0;
  for (const expected of odd)
    for (const received of odd)
      for (const sentBytes of odd)
        for (let n = 0; n < 4; n++) {
          now += 1_000;
          breaker.handleTimeout(now);
          breaker.handleInterval({ ms: n === 3 ? 0 : 1_000, expected, received, sentBytes, dropped: n }, now);
          const { limit = LOWEST_RATE } = breaker;
          expect(limit === 0 || (Number.isFinite(limit) && limit >= LOWEST_RATE)).toBe(true);
          expect(breaker.loss ?? 0).toBeGreaterThanOrEqual(0);
        }
});
