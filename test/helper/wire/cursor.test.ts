import { describe, expect, test } from "vitest";
import { DecodeError, EncodeError, Reader, Writer } from "#wire/cursor.ts";
import { fromHex, toHex } from "./round-trip.ts";

describe("Reader", () => {
  test("reads big-endian fields of a view in order", () => {
    const reader = new Reader(fromHex("01 0203 04050607 08090a0b0c0d0e0f 0a000001 ff ee"));
    expect(reader.u8("a")).toBe(1);
    expect(reader.u16("b")).toBe(0x0203);
    expect(reader.u32("c")).toBe(0x04050607);
    expect(reader.u64("d")).toBe(0x08090a0b0c0d0e0fn);
    expect(reader.address(4, "e")).toBe("10.0.0.1");
    expect(reader.offset).toBe(19);
    reader.skip(1, "f");
    expect(toHex(reader.rest())).toBe("ee");
    expect(reader.remaining).toBe(0);
    reader.end("g");
  });

  test.each([
    ["u8", (r: Reader) => r.u8("length"), 1, 0],
    ["u16", (r: Reader) => (r.skip(0, ""), r.u16("length")), 2, 0],
    ["u32", (r: Reader) => r.u32("length"), 4, 0],
    ["u64", (r: Reader) => r.u64("length"), 8, 0],
    ["take", (r: Reader) => r.take(9, "length"), 9, 0],
    ["take of less than nothing", (r: Reader) => r.take(-1, "length"), -1, 0],
    ["skip", (r: Reader) => r.skip(5, "length"), 5, 0],
    ["address", (r: Reader) => r.address(16, "length"), 16, 0],
  ])("%s past the end names field, value and limit", (_name, read, value, limit) => {
    const reader = new Reader(fromHex(""));
    expect(() => read(reader)).toThrow(DecodeError);
    expect(() => read(reader)).toThrow(expect.objectContaining({ field: "length", value, limit }));
  });

  test("an overrun leaves the position where it was", () => {
    const reader = new Reader(fromHex("0102"));
    expect(() => reader.u32("x")).toThrow(DecodeError);
    expect(reader.u16("y")).toBe(0x0102);
  });

  test("end refuses what is left", () => {
    expect(() => new Reader(fromHex("00")).end("message")).toThrow(/message: bytes behind the end: 1/);
  });
});

describe("Writer", () => {
  test("writes what Reader reads", () => {
    const writer = new Writer(40)
      .u8(1, "a")
      .u16(0x0203, "b")
      .u32(0xfffefdfc, "c")
      .u64(0x08090a0b0c0d0e0fn, "d")
      .address("10.0.0.1", 4, "e")
      .zeros(2, "f")
      .bytes(Uint8Array.of(7), "g")
      .patch16(1, 0xbeef, "b");
    expect(toHex(writer.done())).toBe("01beeffffefdfc08090a0b0c0d0e0f0a000001000007");
    expect(writer.offset).toBe(22);
  });

  test.each([
    ["u8 over its range", (w: Writer) => w.u8(256, "x")],
    ["u8 below zero", (w: Writer) => w.u8(-1, "x")],
    ["u16 that is not whole", (w: Writer) => w.u16(1.5, "x")],
    ["u16 over its range", (w: Writer) => w.u16(0x10000, "x")],
    ["u32 over its range", (w: Writer) => w.u32(2 ** 32, "x")],
    ["u32 that is no number", (w: Writer) => w.u32(Number.NaN, "x")],
    ["u64 over its range", (w: Writer) => w.u64(2n ** 64n, "x")],
    ["bytes past the end", (w: Writer) => w.bytes(new Uint8Array(9), "x")],
    ["zeros past the end", (w: Writer) => w.zeros(9, "x")],
    ["an address of the other family", (w: Writer) => w.address("::1", 4, "x")],
    ["patch16 where nothing is yet", (w: Writer) => w.u8(0, "y").patch16(0, 1, "x")],
  ])("refuses %s", (_name, write) => {
    expect(() => write(new Writer(8))).toThrow(EncodeError);
    expect(() => write(new Writer(8))).toThrow(/^x: .+, where the limit is /);
  });
});
