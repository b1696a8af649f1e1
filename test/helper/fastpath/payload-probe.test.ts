import { describe, expect, test } from "vitest";
import { FlowMemory, flowMemoryBytes, type Flow } from "#fastpath/flow-memory.ts";
import { Flows, NO_EXITS } from "#fastpath/flows.ts";
import { IpPacket } from "#fastpath/ip-packet.ts";
import { makeArena, udpBytes } from "./fixtures.ts";

const GROUPS = ["239.1.2.3", "ff1e::1"];

interface Sent {
  readonly payload: Uint8Array;
  readonly port?: number;
  /** Changes the packet before it is heard. */
  readonly edit?: (bytes: Uint8Array) => Uint8Array;
}

function setUp(group = "239.1.2.3"): {
  hear: (sent: Sent, now?: number) => void;
  content: () => Flow["content"];
} {
  const memory = new FlowMemory(new SharedArrayBuffer(flowMemoryBytes()));
  const flows = new Flows(memory, () => NO_EXITS);
  const arena = makeArena();
  const packet = new IpPacket();
  const at = arena.reserve(4_096);
  const source = group.includes(":") ? "2001:db8::1" : "192.0.2.1";
  return {
    hear({ payload, port = 5004, edit = (bytes) => bytes }, now = 1_000) {
      const bytes = edit(udpBytes({ source, group, payload, port }));
      arena.u8.fill(0x47, at, at + 4_096); // what lies behind a packet is none of it
      arena.u8.set(bytes, at);
      expect(packet.parse(arena, at, bytes.length)).toBe(true);
      const flow = flows.find(3, packet.key, now);
      flows.count(flow, packet.totalLength, packet.ttl, now);
      flows.measure(flow, arena, at, packet, now);
    },
    content: () => memory.list(0)[0]!.content,
  };
}

function transportStream(packets: number): Uint8Array {
  const bytes = new Uint8Array(188 * packets).fill(0xff);
  for (let i = 0; i < packets; i++) bytes[188 * i] = 0x47;
  return bytes;
}

interface Rtp {
  readonly type?: number;
  readonly ssrc?: number;
  readonly sequence?: number;
  readonly csrcs?: number;
  readonly extension?: number; // words
}

function rtp(
  payload: Uint8Array,
  { type = 96, ssrc = 0xcafe, sequence = 0, csrcs = 0, extension }: Rtp = {},
): Uint8Array {
  const header = new Uint8Array(12 + 4 * csrcs + (extension === undefined ? 0 : 4 + 4 * extension));
  const view = new DataView(header.buffer);
  header[0] = 0x80 | (extension === undefined ? 0 : 0x10) | csrcs;
  header[1] = type;
  view.setUint16(2, sequence);
  view.setUint32(8, ssrc);
  if (extension !== undefined) view.setUint16(12 + 4 * csrcs + 2, extension);
  return Buffer.concat([header, payload]);
}

const VIDEO = new Uint8Array(400).fill(0x65);

describe.each(GROUPS)("one datagram tells (%s)", (group) => {
  test.each<[string, Uint8Array, string]>([
    ["MPEG-TS", transportStream(7), "mpegts"],
    ["a single packet of MPEG-TS", transportStream(1), "mpegts"],
    ["MPEG-TS in RTP", rtp(transportStream(7), { type: 33 }), "rtp-mpegts"],
    [
      "MPEG-TS in RTP with CSRCs and an extension",
      rtp(transportStream(2), { type: 33, csrcs: 3, extension: 2 }),
      "rtp-mpegts",
    ],
    ["text", new TextEncoder().encode("GGGGG hello"), "other"],
    ["an empty datagram", new Uint8Array(0), "other"],
    ["sync bytes that do not come again", transportStream(2).fill(0, 188), "other"],
    ["RTP without a payload", rtp(new Uint8Array(0)), "other"],
    [
      "RTP whose extension ends behind it",
      rtp(VIDEO.subarray(0, 8), { extension: 0 }).fill(0xff, 14, 16),
      "other",
    ],
  ])("%s", (_what, payload, expected) => {
    const { hear, content } = setUp(group);
    hear({ payload, port: 1234 });
    expect(content()).toEqual({ port: 1234, payload: expected });
  });
});

describe("RTP of other types", () => {
  test("is known when its SSRC comes again", () => {
    const { hear, content } = setUp();
    hear({ payload: rtp(VIDEO, { sequence: 1 }) });
    expect(content()).toBeUndefined();
    hear({ payload: rtp(VIDEO, { sequence: 2 }) });
    expect(content()).toEqual({ port: 5004, payload: "rtp" });
  });

  test("carries MPEG-TS in a dynamic type too", () => {
    const { hear, content } = setUp();
    for (const sequence of [1, 2]) hear({ payload: rtp(transportStream(7), { sequence }) });
    expect(content()?.payload).toBe("rtp-mpegts");
  });

  test("may have several senders on one port", () => {
    const { hear, content } = setUp();
    for (const ssrc of [1, 2, 3, 1, 1]) hear({ payload: rtp(VIDEO, { ssrc }) });
    expect(content()?.payload).toBe("rtp");
  });

  test("is not what only begins like it", () => {
    const { hear, content } = setUp();
    for (let i = 0; i < 20; i++) hear({ payload: rtp(VIDEO, { ssrc: i * 7_919 }) }, 1_000 + i);
    expect(content()?.payload).toBe("other");
  });

  test("RTCP beside it, on the same port or the next, changes nothing", () => {
    const { hear, content } = setUp();
    const report = rtp(new Uint8Array(16), { type: 200 });
    for (let i = 0; i < 4; i++) {
      hear({ payload: report, port: 5005 }, 1_000 + i * 5_000);
      hear({ payload: report, port: 5004 }, 1_000 + i * 5_000);
      hear({ payload: rtp(VIDEO) }, 1_000 + i * 5_000);
    }
    expect(content()).toEqual({ port: 5004, payload: "rtp" });
  });
});

describe("a flow is looked at again", () => {
  test("a second later, and not before", () => {
    const { hear, content } = setUp();
    hear({ payload: transportStream(7) }, 1_000);
    hear({ payload: VIDEO }, 1_999);
    expect(content()?.payload).toBe("mpegts");
    hear({ payload: VIDEO }, 2_000);
    expect(content()?.payload).toBe("other");
  });

  test("its port changes when the one before has been silent for a while", () => {
    const { hear, content } = setUp();
    hear({ payload: transportStream(7), port: 1111 }, 1_000);
    hear({ payload: transportStream(7), port: 2222 }, 3_999);
    expect(content()?.port).toBe(1111);
    hear({ payload: transportStream(7), port: 2222 }, 4_000);
    expect(content()?.port).toBe(2222);
  });

  test("a flow that takes its place begins anew", () => {
    const memory = new FlowMemory(new SharedArrayBuffer(flowMemoryBytes()));
    const flows = new Flows(memory, () => NO_EXITS);
    const arena = makeArena();
    const packet = new IpPacket();
    for (let i = 0; i < 20_000; i++) {
      const payload = i < 10_000 ? transportStream(1) : new Uint8Array(4);
      const bytes = udpBytes({ source: `10.0.${i >> 8}.${i & 255}`, group: "239.1.2.3", payload });
      arena.u8.set(bytes, 0);
      packet.parse(arena, 0, bytes.length);
      const flow = flows.find(3, packet.key, i);
      flows.count(flow, bytes.length, 16, i);
      if (i < 10_000) flows.measure(flow, arena, 0, packet, i);
    }
    const late = memory.list(10_000);
    expect(late.length).toBeGreaterThan(1_000);
    expect(late.every(({ content }) => content === undefined)).toBe(true);
  });
});

describe("fragments", () => {
  const fragment4 = (offset: number) => (bytes: Uint8Array) => {
    new DataView(bytes.buffer).setUint16(6, 0x2000 | offset);
    return bytes;
  };
  const fragment6 =
    (offset: number, next = 17) =>
    (bytes: Uint8Array) => {
      const header = new Uint8Array([next, 0, offset >> 5, ((offset << 3) & 0xff) | 1, 0, 0, 0, 9]);
      const whole = Buffer.concat([bytes.subarray(0, 40), header, bytes.subarray(40)]);
      whole[6] = 44;
      whole.writeUInt16BE(whole.length - 40, 4);
      return whole;
    };

  test.each([
    ["239.1.2.3", fragment4],
    ["ff1e::1", fragment6],
  ])("the first one tells, the others say nothing (%s)", (group, fragment) => {
    const { hear, content } = setUp(group);
    hear({ payload: transportStream(7), edit: fragment(100) });
    expect(content()).toBeUndefined();
    hear({ payload: transportStream(7).subarray(0, 1_000), edit: fragment(0) });
    expect(content()).toEqual({ port: 5004, payload: "mpegts" });
  });

  test("of what is no UDP, or too short for its header", () => {
    const { hear, content } = setUp("ff1e::1");
    hear({ payload: transportStream(1), edit: fragment6(0, 58) });
    hear({
      payload: new Uint8Array(0),
      edit: (bytes) => {
        const cut = fragment6(0)(bytes).subarray(0, 52);
        new DataView(cut.buffer, cut.byteOffset).setUint16(4, 12);
        return cut;
      },
    });
    expect(content()).toBeUndefined();
  });
});

test("what is no UDP has no port", () => {
  const { hear, content } = setUp();
  const icmp = (bytes: Uint8Array): Uint8Array => {
    bytes[9] = 1;
    return bytes;
  };
  hear({ payload: transportStream(7), edit: icmp });
  expect(content()).toBeUndefined();
});
