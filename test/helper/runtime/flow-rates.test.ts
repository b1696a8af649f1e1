import { describe, expect, test } from "vitest";
import { FlowRates } from "#runtime/view/flow-rates.ts";

type Flow = Parameters<FlowRates["of"]>[0];

function flow(packets: number, change: Partial<Flow> = {}): Flow {
  return {
    vif: 1,
    group: "239.1.1.1",
    source: "10.0.0.1",
    egressCount: 1,
    packets,
    bytes: packets * 1000,
    ttl: 16,
    rtpReceived: 0,
    rtpExpected: 0,
    content: undefined,
    firstSeen: 1_000,
    lastSeen: 1_000,
    ...change,
  };
}

describe("how fast a flow is", () => {
  test("packets and bits a second, from the first look on", () => {
    const rates = new FlowRates();
    expect(rates.of(flow(200), 3_000)).toEqual({ packetsPerSecond: 100, bitsPerSecond: 800_000 });
    expect(rates.of(flow(1_200), 5_000)).toEqual({ packetsPerSecond: 500, bitsPerSecond: 4_000_000 });
  });

  test("looks that follow each other closely get the last answer", () => {
    const rates = new FlowRates();
    const first = rates.of(flow(100), 2_000);
    expect(rates.of(flow(150), 2_100)).toEqual(first);
    expect(rates.of(flow(190), 2_899)).toEqual(first);
    expect(rates.of(flow(190), 2_900).packetsPerSecond).toBe(100);
  });

  test("a flow just seen has no rate yet", () => {
    expect(new FlowRates().of(flow(3), 1_010)).toEqual({ packetsPerSecond: 0, bitsPerSecond: 0 });
  });

  test("a flow that has stopped is at zero", () => {
    const rates = new FlowRates();
    rates.of(flow(100), 2_000);
    expect(rates.of(flow(100), 4_000).packetsPerSecond).toBe(0);
  });

  test("a flow that gave its place away and came back starts anew", () => {
    const rates = new FlowRates();
    rates.of(flow(10_000), 11_000);
    const again = rates.of(flow(10, { firstSeen: 20_000 }), 21_000);
    expect(again.packetsPerSecond).toBe(10);
  });

  test("each (source, group) on each vif by itself", () => {
    const rates = new FlowRates();
    for (const other of [{ vif: 2 }, { source: "10.0.0.2" }, { group: "239.1.1.2" }])
      rates.of(flow(10_000, other), 3_000);
    expect(rates.of(flow(200), 3_000).packetsPerSecond).toBe(100);
  });

  test("what nobody asked about for a minute is forgotten", () => {
    const rates = new FlowRates();
    rates.of(flow(1_000), 2_000);
    rates.forget(30_000);
    expect(rates.of(flow(2_000), 32_000).packetsPerSecond).toBeCloseTo(33.3, 1); // since the last look
    rates.forget(100_000);
    expect(rates.of(flow(3_000), 101_000).packetsPerSecond).toBe(30); // since the flow began
  });
});
