import { describe, expect, test } from "vitest";
import {
  FlowMemory,
  FLOW_DOUBLES,
  FLOW_RTP_EXPECTED,
  FLOW_RTP_RECEIVED,
  flowMemoryBytes,
} from "#fastpath/flow-memory.ts";
import { IpPacket } from "#fastpath/ip-packet.ts";
import { RtpMeter } from "#fastpath/rtp-meter.ts";
import { makeArena, udpBytes } from "./fixtures.ts";

const FLOW = 7;

interface Sent {
  readonly sequence: number;
  readonly ssrc?: number;
  readonly port?: number;
  readonly group?: string;
  readonly first?: number;
  readonly type?: number;
  readonly length?: number;
}

function setUp(): { hear: (sent: Sent, now?: number) => void; counts: () => number[]; meter: RtpMeter } {
  const memory = new FlowMemory(new SharedArrayBuffer(flowMemoryBytes()));
  const meter = new RtpMeter(memory.doubles);
  const arena = makeArena();
  const packet = new IpPacket();
  const at = arena.reserve(2_048);
  const hear = (sent: Sent, now = 1_000): void => {
    const {
      sequence,
      ssrc = 0xcafe,
      port = 5004,
      group = "239.1.2.3",
      first = 0x80,
      type = 33,
      length = 200,
    } = sent;
    const payload = new Uint8Array(length);
    if (length >= 12) {
      const view = new DataView(payload.buffer);
      payload[0] = first;
      payload[1] = type;
      view.setUint16(2, sequence & 0xffff);
      view.setUint32(8, ssrc);
    }
    const source = group.includes(":") ? "2001:db8::1" : "192.0.2.1";
    const bytes = udpBytes({ source, group, payload, port });
    arena.u8.set(bytes, at);
    expect(packet.parse(arena, at, bytes.length)).toBe(true);
    meter.observe(FLOW, arena, at, packet, now);
  };
  const counts = (): number[] =>
    [FLOW_RTP_RECEIVED, FLOW_RTP_EXPECTED].map((which) => memory.doubles[FLOW * FLOW_DOUBLES + which]!);
  return { hear, counts, meter };
}

/** Enough in sequence to be taken for RTP; the next number is 17. */
function sure(
  hear: (sent: Sent, now?: number) => void,
  sent: Omit<Sent, "sequence"> = {},
  now = 1_000,
): void {
  for (let sequence = 0; sequence <= 16; sequence++) hear({ ...sent, sequence }, now);
}

describe("a stream of RTP", () => {
  test.each(["239.1.2.3", "ff1e::1"])("counts what is missing (%s)", (group) => {
    const { hear, counts } = setUp();
    sure(hear, { group });
    expect(counts()).toEqual([0, 0]); // it was only looked at so far
    for (let sequence = 17; sequence < 117; sequence++) if (sequence % 10 !== 0) hear({ group, sequence });
    expect(counts()).toEqual([90, 100]);
  });

  test("goes on over the end of its 16 bits", () => {
    const { hear, counts } = setUp();
    for (let i = 0; i <= 16; i++) hear({ sequence: 65_500 + i });
    for (let i = 17; i < 100; i++) if (i !== 36) hear({ sequence: 65_500 + i }); // 36: number 0
    expect(counts()).toEqual([82, 83]);
  });

  test("that arrives late was not lost", () => {
    const { hear, counts } = setUp();
    sure(hear);
    for (const sequence of [17, 19, 18, 20]) hear({ sequence });
    expect(counts()).toEqual([4, 4]);
  });

  test("whose sender begins anew is looked at anew, and nothing is counted for the jump", () => {
    const { hear, counts } = setUp();
    sure(hear);
    hear({ sequence: 17 });
    for (let i = 0; i <= 16; i++) hear({ sequence: 40_000 + i });
    expect(counts()).toEqual([1, 1]);
    hear({ sequence: 40_018 });
    expect(counts()).toEqual([2, 3]);
  });

  test("is followed alone: others of the flow and RTCP do not disturb it", () => {
    const { hear, counts } = setUp();
    sure(hear);
    for (let i = 0; i < 50; i++) {
      hear({ sequence: 17 + i });
      hear({ sequence: 9_000 + 7 * i, ssrc: 0xbeef, port: 5006 });
      hear({ sequence: 3 * i, type: 72 }); // a sender report on the same port
    }
    expect(counts()).toEqual([50, 50]);
  });

  test("that falls silent makes room for the next", () => {
    const { hear, counts } = setUp();
    sure(hear);
    sure(hear, { ssrc: 0xbeef }, 2_900);
    expect(counts()).toEqual([0, 0]);
    sure(hear, { ssrc: 0xbeef }, 3_000); // two seconds of silence
    hear({ sequence: 18, ssrc: 0xbeef }, 3_000);
    expect(counts()).toEqual([1, 2]);
  });
});

describe("what is no RTP counts for nothing", () => {
  test.each<[string, Omit<Sent, "sequence">]>([
    ["MPEG-TS", { first: 0x47 }],
    ["too short a datagram", { length: 11 }],
    ["RTCP", { type: 73 }],
  ])("%s", (_what, sent) => {
    const { hear, counts } = setUp();
    for (let sequence = 0; sequence < 100; sequence++) hear({ ...sent, sequence });
    expect(counts()).toEqual([0, 0]);
  });

  test("numbers that do not follow each other, whatever they look like", () => {
    const { hear, counts } = setUp();
    for (let i = 0; i < 1_000; i++) hear({ sequence: (i * 40_503) & 0xffff });
    for (let i = 0; i < 1_000; i++) hear({ sequence: i % 15 });
    expect(counts()).toEqual([0, 0]);
  });

  test("and neither does the flow that had the place before", () => {
    const { hear, counts, meter } = setUp();
    sure(hear);
    hear({ sequence: 19 });
    meter.reset(FLOW);
    expect(counts()).toEqual([0, 0]);
    hear({ sequence: 20 });
    expect(counts()).toEqual([0, 0]);
  });
});
