import { fuzzParsers, parser } from "#test/support/fuzz/parsers.ts";
import { mutatedJson } from "#test/support/fuzz/json.ts";
import { carried, withCarried } from "#dht/carrying-handshake.ts";
import { parseCommand, parseEvent, payloadText } from "#dht/messages.ts";
import { encodeFrame, encodeMessage, PipeReader } from "#dht/pipe.ts";
import { DecodeError } from "#wire/cursor.ts";
import { decodeDhtPong, encodeDhtPing } from "#wire/dht-ping.ts";

const key = "0123456789abcdef".repeat(4);
const payload = payloadText(Uint8Array.from({ length: 90 }, (_, i) => i));
const EVENTS = [
  { type: "hello", token: key },
  { type: "state", online: true, nodes: 40, announced: 3 },
  { type: "nodes", nodes: [{ address: "198.51.100.7", port: 49_737 }] },
  { type: "called", call: 2, payload },
  { type: "answered", call: 1, payload },
  { type: "failed", call: 1, reason: "not-found" },
  { type: "path", call: 2, address: "192.0.2.4", port: 4 },
  { type: "ended", call: 2 },
  { type: "log", level: "warn", text: "no node answers" },
];
const COMMANDS = [
  { type: "start", bootstrap: [{ host: "node.example", port: 49_737 }], relays: [key] },
  { type: "serve", seed: key },
  { type: "unserve" },
  { type: "call", call: 1, key, payload },
  { type: "answer", call: 2, payload },
  { type: "hang-up", call: 1 },
  { type: "name-nodes" },
];
const texts = (list: readonly object[]): Uint8Array[] =>
  list.map((one) => new TextEncoder().encode(JSON.stringify(one)));
const pong = Buffer.from(`1300${"3930"}cb007105${"1ba5"}`, "hex");

fuzzParsers([
  parser({
    name: "an event of the DHT's process",
    runs: 4_000,
    corpus: texts(EVENTS),
    input: (random) => mutatedJson(random, random.pick(EVENTS), 16_384),
    decode: (bytes) => parseEvent(new TextDecoder().decode(bytes)),
    again: (event) => parseEvent(JSON.stringify(event)),
    refuses: undefined,
  }),
  parser({
    name: "a command to the DHT's process",
    runs: 4_000,
    corpus: texts(COMMANDS),
    input: (random) => mutatedJson(random, random.pick(COMMANDS), 16_384),
    decode: (bytes) => parseCommand(new TextDecoder().decode(bytes)),
    again: (command) => parseCommand(JSON.stringify(command)),
    refuses: undefined,
  }),
  parser({
    name: "the pipe's bytes",
    corpus: [
      encodeMessage(EVENTS[0]!),
      encodeFrame(
        4,
        Uint8Array.from({ length: 40 }, (_, i) => i),
      ),
    ],
    decode: (bytes) => {
      const items = new PipeReader().push(bytes);
      return items.length > 0 ? items : undefined;
    },
    refuses: DecodeError,
  }),
  parser({
    name: "an answer of a DHT node",
    corpus: [pong, Buffer.concat([Buffer.from([0x13, 1]), pong.subarray(2), Buffer.alloc(32, 9)])],
    decode: decodeDhtPong,
    again: (value) => {
      encodeDhtPing(value); // its fields are those of a ping
      return value;
    },
    refuses: DecodeError,
  }),
  parser({
    name: "what a DHT handshake carries",
    corpus: [withCarried(Buffer.from("theirs"), Buffer.from("ours, sealed")), withCarried(pong, pong)],
    decode: carried,
    again: (ours) => carried(withCarried(pong, ours)),
    refuses: undefined,
  }),
]);
