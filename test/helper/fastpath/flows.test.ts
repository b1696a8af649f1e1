import { describe, expect, test } from "vitest";
import { FlowMemory, MAX_FLOWS, flowMemoryBytes } from "#fastpath/flow-memory.ts";
import { BINDING_MS, FLOW_OTHER_WAY, Flows, NO_EXITS } from "#fastpath/flows.ts";
import { writeAddressWords } from "#protocol/forwarding/address-words.ts";

function setUp(): { flows: Flows; memory: FlowMemory; asked: number[] } {
  const memory = new FlowMemory(new SharedArrayBuffer(flowMemoryBytes()));
  const asked: number[] = [];
  const flows = new Flows(memory, (inVif) => {
    asked.push(inVif);
    return NO_EXITS;
  });
  return { flows, memory, asked };
}

function key(source: string, group: string): Uint32Array {
  const words = new Uint32Array(8);
  writeAddressWords(words, 0, group);
  writeAddressWords(words, 4, source);
  return words;
}

const A = key("192.0.2.1", "239.1.2.3");

describe("a flow", () => {
  test("asks for its exits once, and is listed with what it carried", () => {
    const { flows, memory, asked } = setUp();
    const flow = flows.find(3, A, 1000);
    flows.count(flow, 1344, 16, 1000);
    expect(flows.find(3, A, 1500)).toBe(flow);
    flows.count(flow, 1344, 15, 1500);
    expect(asked).toEqual([3]);
    expect(memory.list(0)).toEqual([
      {
        vif: 3,
        group: "239.1.2.3",
        source: "192.0.2.1",
        egressCount: 0,
        packets: 2,
        bytes: 2688,
        firstSeen: 1000,
        lastSeen: 1500,
        ttl: 15,
        rtpReceived: 0,
        rtpExpected: 0,
        content: undefined,
      },
    ]);
    expect(memory.list(1501)).toEqual([]);
  });

  test("resolves again after a new table, and keeps its counters", () => {
    const { flows, memory, asked } = setUp();
    flows.count(flows.find(3, A, 1000), 100, 16, 1000);
    flows.invalidate();
    flows.count(flows.find(3, A, 1001), 100, 16, 1001);
    expect(asked).toEqual([3, 3]);
    expect(memory.list(0)[0]!.packets).toBe(2);
  });

  test("is bound to its vif as long as it is active there", () => {
    const { flows, memory, asked } = setUp();
    flows.count(flows.find(3, A, 1000), 100, 16, 1000);
    expect(flows.find(4, A, 1000 + BINDING_MS - 1)).toBe(FLOW_OTHER_WAY);
    expect(flows.find(4, A, 1000 + BINDING_MS)).not.toBe(FLOW_OTHER_WAY);
    expect(asked).toEqual([3, 4]);
    expect(memory.list(0)[0]!.vif).toBe(4);
  });

  test("may come by another way at once when its vif is gone, and is bound to that one then", () => {
    const { flows } = setUp();
    const B = key("192.0.2.2", "239.1.2.3");
    flows.count(flows.find(3, A, 1000), 100, 16, 1000);
    flows.count(flows.find(5, B, 1000), 100, 16, 1000);
    flows.vifRemoved(3);
    expect(flows.find(4, B, 1001)).toBe(FLOW_OTHER_WAY);
    const flow = flows.find(4, A, 1001);
    expect(flow).not.toBe(FLOW_OTHER_WAY);
    flows.count(flow, 100, 16, 1001);
    expect(flows.find(6, A, 1002)).toBe(FLOW_OTHER_WAY);
  });
});

test("sources without number stay within the table, and a busy flow outlives them", () => {
  const { flows, memory } = setUp();
  flows.count(flows.find(3, A, 0), 100, 16, 0);
  for (let i = 0; i < 20_000; i++) {
    const source = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    flows.count(flows.find(3, key(source, "239.9.9.9"), i), 100, 16, i);
    flows.count(flows.find(3, A, i), 100, 16, i);
  }
  const list = memory.list(0);
  expect(list.length).toBeLessThanOrEqual(MAX_FLOWS);
  expect(list.find((flow) => flow.group === "239.1.2.3")!.packets).toBe(20_001);
});
