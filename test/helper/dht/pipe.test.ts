import { describe, expect, test } from "vitest";
import { parseCommand, parseEvent, payloadText } from "#dht/messages.ts";
import { encodeFrame, encodeMessage, PipeReader } from "#dht/pipe.ts";
import { DecodeError, EncodeError } from "#wire/cursor.ts";
import { MAX_STREAM_FRAME } from "#wire/frame.ts";
import { SeededRandom } from "#test/support/fuzz/seeded-random.ts";

describe("the pipe", () => {
  test("gives what was put in, however the bytes are cut", () => {
    const random = new SeededRandom(1);
    const frames = Array.from({ length: 50 }, () => random.bytes(1 + random.below(MAX_STREAM_FRAME)));
    const stream = Buffer.concat([
      ...frames.map((frame, i) => encodeFrame(i, frame)),
      encodeMessage({ type: "unserve" }),
    ]);
    const reader = new PipeReader();
    const items = [];
    for (let at = 0; at < stream.length;) {
      const size = 1 + random.below(3_000);
      items.push(...reader.push(stream.subarray(at, at + size)));
      at += size;
    }
    expect(items).toEqual([
      ...frames.map((frame, call) => ({ kind: "frame", call, frame: new Uint8Array(frame) })),
      { kind: "message", text: '{"type":"unserve"}' },
    ]);
  });

  test.each([
    ["a length of zero", "0000"],
    ["a length beyond the limit", "4001"],
    ["a kind that is none", "000107"],
    ["a frame without bytes", "0003010001"],
  ])("%s ends it", (_what, hex) => {
    expect(() => new PipeReader().push(Buffer.from(hex, "hex"))).toThrow(DecodeError);
  });

  test("a frame that is too long is not written", () => {
    expect(() => encodeFrame(1, new Uint8Array(MAX_STREAM_FRAME + 1))).toThrow(EncodeError);
    expect(() => encodeFrame(1, new Uint8Array(0))).toThrow(EncodeError);
    expect(() => encodeFrame(70_000, new Uint8Array(1))).toThrow(EncodeError);
  });
});

describe("the messages", () => {
  test("a call carries a key and a payload of at most 640 bytes", () => {
    const call = { type: "call", call: 1, key: "ab".repeat(32), payload: payloadText(new Uint8Array(640)) };
    expect(parseCommand(JSON.stringify(call))).toEqual(call);
    const long = { ...call, payload: payloadText(new Uint8Array(641)) };
    expect(parseCommand(JSON.stringify(long))).toBeUndefined();
    expect(parseCommand(JSON.stringify({ ...call, key: "AB".repeat(32) }))).toBeUndefined();
    expect(parseCommand(JSON.stringify({ ...call, call: 0 }))).toBeUndefined();
    expect(parseCommand(JSON.stringify({ ...call, more: 1 }))).toBeUndefined();
  });

  test("nodes are IPv4 addresses in their canonical form, 16 at most", () => {
    const nodes = (...list: object[]): string => JSON.stringify({ type: "nodes", nodes: list });
    expect(parseEvent(nodes({ address: "192.0.2.1", port: 1 }))).toBeDefined();
    expect(parseEvent(nodes({ address: "192.0.2.01", port: 1 }))).toBeUndefined();
    expect(parseEvent(nodes({ address: "2001:db8::1", port: 1 }))).toBeUndefined();
    expect(parseEvent(nodes({ address: "192.0.2.1", port: 0 }))).toBeUndefined();
    expect(
      parseEvent(nodes(...Array.from({ length: 17 }, () => ({ address: "192.0.2.1", port: 1 })))),
    ).toBeUndefined();
  });

  test("what is no JSON, or no message, is nothing", () => {
    for (const text of ["", "{", "[]", "null", '{"type":"exit"}', '{"type":"log","level":"info"}'])
      expect(parseEvent(text)).toBeUndefined();
  });
});
