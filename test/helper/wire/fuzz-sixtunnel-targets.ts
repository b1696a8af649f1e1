import { DecodeError } from "#wire/cursor.ts";
import { encodeHello, encodeWelcome, SixStreamReader } from "#wire/sixtunnel.ts";
import { parser, type ParserTarget } from "#test/support/fuzz/parsers.ts";

export interface SixStream {
  readonly greetings: string[];
  readonly packets: Uint8Array[];
  readonly tooLong: number;
}

/** All that the beginning of a stream completes, cut every `step` bytes. */
export function sixStream(stream: Uint8Array, step = stream.length || 1): SixStream {
  const found = { greetings: [] as string[], packets: [] as Uint8Array[] };
  const reader = new SixStreamReader({
    greeting: (text) => found.greetings.push(text),
    packet: (packet) => found.packets.push(packet),
  });
  for (let at = 0; at < stream.length; at += step) reader.push(stream.subarray(at, at + step));
  return { ...found, tooLong: reader.tooLong };
}

/** An IPv6 packet with so many bytes behind its header. */
export function sixPacket(payload: number): Uint8Array {
  const packet = new Uint8Array(40 + payload).fill(payload & 0xff, 40);
  packet[0] = 0x60;
  packet[4] = payload >> 8;
  packet[5] = payload & 0xff;
  return packet;
}

const STREAM = Buffer.concat([
  encodeHello("00:11:22:33:44:55"),
  ...[0, 1, 1280, 4056].map((size) => sixPacket(size)),
]);

export const SIXTUNNEL_TARGETS: readonly ParserTarget[] = [
  parser({
    name: "a stream of the IPv6 tunnel",
    corpus: [STREAM, Buffer.concat([encodeWelcome("2001:aaaa:bbbb:ccdd::/64"), sixPacket(4057)])],
    decode: (bytes) => sixStream(bytes),
    refuses: DecodeError,
    again: ({ greetings, packets, tooLong }) => ({
      ...sixStream(Buffer.concat([...greetings.map((text) => Buffer.from(text, "latin1")), ...packets])),
      tooLong,
    }),
  }),
];
