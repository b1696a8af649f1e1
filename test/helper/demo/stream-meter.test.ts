import { describe, expect, test } from "vitest";
import { StreamMeter } from "#test/demo/stream-meter.ts";
import type { TappedPacket } from "#test/support/traffic/tap.ts";

const MS = 1e6;
const SECOND = 1000 * MS;

/** `count` packets, one a millisecond, from a sequence number on. */
function stream(count: number, firstSequence = 0, startMs = 0): TappedPacket[] {
  return Array.from({ length: count }, (_, index) => [
    (firstSequence + index) % 0x10000,
    (startMs + index) * MS,
    1328,
  ]);
}

function delayed(packets: readonly TappedPacket[], ns: number): TappedPacket[] {
  return packets.map(([sequence, time, bytes]) => [sequence, time + ns, bytes]);
}

describe("stream meter", () => {
  test("rate, latency, and no loss when everything arrives", () => {
    const meter = new StreamMeter();
    const packets = stream(3000);
    meter.sent(packets);
    meter.received(delayed(packets, 2 * MS));
    const figures = meter.figures(3);
    expect(figures.packetsPerSecond).toBe(1000);
    expect(figures.bitsPerSecond).toBe(1000 * 1328 * 8);
    expect(figures).toMatchObject({ lossRatio: 0, duplicates: 0, latencyMedian: 2, latencyP99: 2 });
  });

  test("every tenth lost; what may still arrive is not counted yet", () => {
    const meter = new StreamMeter();
    const packets = stream(3000);
    meter.sent(packets);
    meter.received(packets.filter(([sequence]) => sequence % 10 !== 5 && sequence < 2500));
    expect(meter.figures(3).lossRatio).toBeCloseTo(0.1, 2);
    // The last second is open, though nothing of its second half has come.
    expect(meter.totals().lost).toBe(200);
  });

  test("what was sent before the first arrival is not lost", () => {
    const meter = new StreamMeter();
    const packets = stream(4000);
    meter.sent(packets);
    meter.received(packets.slice(1500));
    expect(meter.totals()).toMatchObject({ received: 2500, lost: 0 });
  });

  test("sequence numbers wrap, packets overtake each other and come twice", () => {
    const meter = new StreamMeter();
    const packets = stream(3000, 0xfff0);
    meter.sent(packets.slice(0, 1000));
    meter.received(delayed(packets.slice(0, 1000).toReversed(), MS));
    meter.sent(packets.slice(1000));
    meter.received(delayed(packets.slice(990), MS));
    expect(meter.totals()).toMatchObject({ received: 3000, lost: 0, duplicates: 10, latencyMedian: 1 });
  });

  test("an arrival that is told of before its departure", () => {
    const meter = new StreamMeter();
    const packets = stream(3000);
    meter.sent(packets.slice(0, 1000));
    meter.received(delayed(packets.slice(0, 1200), MS));
    meter.sent(packets.slice(1000));
    meter.received(delayed(packets.slice(1200), MS));
    expect(meter.totals()).toMatchObject({ received: 3000, lost: 0, duplicates: 0, latencyMedian: 1 });
  });

  test("a second in which nothing arrives is all lost", () => {
    const meter = new StreamMeter();
    meter.sent(stream(100));
    meter.received(stream(100));
    meter.sent(stream(3000, 100, 100));
    const figures = meter.figures(3);
    expect(figures.lossRatio).toBeGreaterThan(0.9);
    expect(figures.packetsPerSecond).toBeCloseTo(100 / 3);
    expect(meter.totals().lost).toBe(3100 - SECOND / MS - 100);
  });
});
