import { expect, test } from "vitest";
import { FlowLosses } from "#runtime/view/flow-losses.ts";

type Flow = Parameters<FlowLosses["of"]>[0];

function flow(rtpReceived: number, rtpExpected: number): Flow {
  return {
    vif: 1,
    group: "239.1.1.1",
    source: "10.0.0.1",
    egressCount: 1,
    packets: 1,
    bytes: 1,
    ttl: 16,
    rtpReceived,
    rtpExpected,
    content: undefined,
    firstSeen: 1_000,
    lastSeen: 1_000,
  };
}

test("a stream without numbers has no loss, not even none", () => {
  expect(new FlowLosses().of(flow(0, 0), 2_000)).toBeNull();
});

test("from the first look on, then of the last five to ten seconds", () => {
  const losses = new FlowLosses();
  expect(losses.of(flow(90, 100), 2_000)).toBeCloseTo(0.1);
  expect(losses.of(flow(500, 1_000), 6_000)).toBeCloseTo(0.5);
  expect(losses.of(flow(1_500, 2_000), 9_000)).toBeCloseTo(0.25); // the bad seconds are in it still
  expect(losses.of(flow(2_500, 3_000), 11_500)).toBe(0); // and here not any more
  expect(losses.of(flow(2_500, 3_000), 17_000)).toBeNull(); // nothing came
});

test("copies do not make it negative; a flow in the same place starts anew", () => {
  const losses = new FlowLosses();
  expect(losses.of(flow(120, 100), 2_000)).toBe(0);
  expect(losses.of(flow(900, 1_000), 8_000)).toBeCloseTo(0.1);
  expect(losses.of(flow(5, 10), 9_000)).toBeCloseTo(0.5);
});

test("what is not looked at any more is forgotten", () => {
  const losses = new FlowLosses();
  losses.of(flow(500, 1_000), 2_000);
  losses.forget(200_000);
  expect(losses.of(flow(1_000, 2_000), 200_001)).toBeCloseTo(0.5); // of all that there was
});
