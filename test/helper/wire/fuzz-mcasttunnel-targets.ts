import { DecodeError } from "#wire/cursor.ts";
import { encodeTunnelled, TunnelledReader } from "#wire/mcasttunnel.ts";
import { parser, type ParserTarget } from "#test/support/fuzz/parsers.ts";

/** All payloads that the beginning of a stream completes. */
export function tunnelledPayloads(stream: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  new TunnelledReader().push(stream, (payload) => found.push(payload));
  return found;
}

const STREAM = Buffer.concat(
  [1, 3, 188, 1316].map((size) => encodeTunnelled(new Uint8Array(size).fill(size))),
);

export const MCASTTUNNEL_TARGETS: readonly ParserTarget[] = [
  parser({
    name: "a stream of mcasttunnel",
    corpus: [STREAM, encodeTunnelled(new Uint8Array(40).fill(2)), new Uint8Array(6)],
    decode: tunnelledPayloads,
    refuses: DecodeError,
    again: (payloads) => tunnelledPayloads(Buffer.concat(payloads.map(encodeTunnelled))),
  }),
];
