import { expect, test } from "vitest";
import { DecodeError, EncodeError } from "#wire/cursor.ts";
import { encodeHello, encodeWelcome, MAX_GREETING, MAX_PACKET } from "#wire/sixtunnel.ts";
import { sixPacket, sixStream } from "./fuzz-sixtunnel-targets.ts";

const HELLO = '{"Id":"00:11:22:33:44:55"}';
const text = (of: string): Buffer => Buffer.from(of);

test("the greetings are the original's, byte for byte", () => {
  expect(Buffer.from(encodeHello("00:11:22:33:44:55")).toString()).toBe(HELLO);
  const welcome = '{"Prefix":"2001:aaaa:bbbb:ccdd::/64"}';
  expect(Buffer.from(encodeWelcome("2001:aaaa:bbbb:ccdd::/64")).toString()).toBe(welcome);
  expect(() => encodeHello("x".repeat(MAX_GREETING))).toThrow(EncodeError);
});

test("a stream is the same wherever it is cut", () => {
  const packets = [0, 1, 40, 1240, 4056].map(sixPacket);
  const stream = Buffer.concat([text(HELLO), ...packets]);
  for (const step of [1, 2, 5, 26, 27, 39, 40, 41, 1000, stream.length])
    expect(sixStream(stream, step)).toEqual({ greetings: [HELLO], packets, tooLong: 0 });
});

test("a packet longer than the original reads is passed over, and the stream stays in step", () => {
  const stream = Buffer.concat([text(HELLO), sixPacket(MAX_PACKET - 39), sixPacket(0xffff), sixPacket(3)]);
  for (const step of [1, 4096, stream.length])
    expect(sixStream(stream, step)).toMatchObject({ packets: [sixPacket(3)], tooLong: 2 });
});

test("what is no packet of IPv6 ends the stream at its first byte; what came before was handed out", () => {
  const four = Uint8Array.of(0x45);
  expect(() => sixStream(Buffer.concat([text(HELLO), sixPacket(8), four]))).toThrow("IP version");
  expect(sixStream(Buffer.concat([text(HELLO), sixPacket(8)])).packets).toEqual([sixPacket(8)]);
});

test.each([
  ["no object", "GET / HTTP/1.1\r\n\r\n"],
  ["a newline first", `\n${HELLO}`],
  ["an array", "[1]"],
  ["no end", `{"Id":"${"1".repeat(10_000_000)}`],
  ["a long one", `{"Id":"${"1".repeat(MAX_GREETING)}"}`],
])("a greeting with %s is refused before it is kept", (_, greeting) => {
  expect(() => sixStream(text(greeting))).toThrow(DecodeError);
  expect(() => sixStream(text(greeting), 100)).toThrow(DecodeError);
});
