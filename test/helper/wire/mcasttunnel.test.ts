import { expect, test } from "vitest";
import { DecodeError, EncodeError } from "#wire/cursor.ts";
import { encodeTunnelled, MAX_TUNNELLED, TunnelledReader } from "#wire/mcasttunnel.ts";
import { tunnelledPayloads } from "./fuzz-mcasttunnel-targets.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

test("a frame is its length and its bytes", () => {
  expect(encodeTunnelled(bytes("c0ffee"))).toEqual(bytes("0003c0ffee"));
  expect(encodeTunnelled(new Uint8Array(MAX_TUNNELLED)).subarray(0, 2)).toEqual(bytes("0800"));
  expect(tunnelledPayloads(bytes("0003c0ffee000107"))).toEqual([bytes("c0ffee"), bytes("07")]);
});

test.each([0, MAX_TUNNELLED + 1])("%i bytes are never written", (length) => {
  expect(() => encodeTunnelled(new Uint8Array(length))).toThrow(EncodeError);
});

test("a stream is the same wherever it is cut", () => {
  const sizes = [1, 2, 255, 256, 1316, MAX_TUNNELLED];
  const payloads = sizes.map((size) => new Uint8Array(size).fill(size));
  const stream = Buffer.concat(payloads.map(encodeTunnelled));
  for (const step of [1, 2, 3, 7, 1000, 1318, stream.length]) {
    const reader = new TunnelledReader();
    const found: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += step)
      reader.push(stream.subarray(at, at + step), (payload) => found.push(payload));
    expect(found).toEqual(payloads);
  }
});

test("frames of no bytes are counted, and the stream stays in step", () => {
  const reader = new TunnelledReader();
  const found: Uint8Array[] = [];
  for (const byte of bytes("0000000000010900000001"))
    reader.push(Uint8Array.of(byte), (one) => found.push(one));
  expect(found).toEqual([bytes("09")]);
  expect(reader.empty).toBe(3);
});

test("a length beyond the limit names itself; what came before it was handed out", () => {
  const found: Uint8Array[] = [];
  const reader = new TunnelledReader();
  expect(() => reader.push(bytes("00010908010a"), (one) => found.push(one))).toThrow(DecodeError);
  expect(found).toEqual([bytes("09")]);
  expect(() => tunnelledPayloads(bytes("ffff"))).toThrow(
    "mcasttunnel length: 65535, where the limit is 2048",
  );
});
