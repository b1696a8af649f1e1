import { DecodeError } from "#wire/cursor.ts";
import { decodeMeet, decodePunch, encodeMeet, encodePunch } from "#wire/meet.ts";
import type { MeetMessage } from "#wire/meet-message.ts";
import { decodePathList, encodePathList } from "#wire/path-list.ts";
import { parser, type ParserTarget } from "#test/support/fuzz/parsers.ts";

const bytes = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff);
const nonce = bytes(8, 1);
const cookie = bytes(16, 2);
const id = bytes(32, 3);
const callId = bytes(16, 4);
const mac = bytes(16, 5);
const token = bytes(16, 6);
const payload = bytes(200, 7);
const observed = { address: "198.51.100.7", port: 42268 };

export const MEET_MESSAGES: readonly MeetMessage[] = [
  { kind: "hello", nonce },
  { kind: "welcome", nonce, publicKey: bytes(32, 8), cookie, observed },
  { kind: "welcome", nonce, publicKey: bytes(32, 8), cookie, observed: { address: "2001:db8::7", port: 1 } },
  { kind: "register", nonce, cookie, id, stamp: 1_800_000_000_000, mac },
  { kind: "registered", nonce, cookie, seconds: 60, observed, mac },
  { kind: "call", nonce, cookie, id, callId, payload },
  { kind: "call", nonce, cookie, id, callId, payload: bytes(3, 0) },
  { kind: "refused", nonce, callId, reason: "busy" },
  { kind: "incoming", nonce, callId, payload, mac },
  { kind: "answer", nonce, id, callId, payload, mac },
  { kind: "answered", nonce, callId, payload },
  { kind: "relay-ask", nonce, cookie, callId },
  { kind: "relay", nonce, callId, port: 42300, token, mac },
  { kind: "bind", nonce, token, cookie },
  { kind: "bind-status", nonce, status: "prove", cookie, mac },
];

export const MEET_FRAMES: readonly Uint8Array[] = MEET_MESSAGES.map(encodeMeet);

const PATHS = encodePathList([
  { kind: "own", address: "192.168.1.10", port: 42268 },
  { kind: "observed", address: "198.51.100.7", port: 1024 },
  { kind: "mapped", address: "2001:db8::1", port: 65535 },
]);

export const MEET_TARGETS: readonly ParserTarget[] = [
  parser({
    name: "a meeting point's message",
    corpus: MEET_FRAMES,
    decode: decodeMeet,
    refuses: DecodeError,
    again: (message) => decodeMeet(encodeMeet(message)),
  }),
  parser({
    name: "a datagram that opens a hole",
    corpus: [encodePunch(token)],
    decode: decodePunch,
    refuses: undefined,
    again: (found) => decodePunch(encodePunch(found)),
  }),
  parser({
    name: "a list of paths",
    corpus: [PATHS, encodePathList([])],
    decode: decodePathList,
    refuses: DecodeError,
    again: (paths) => decodePathList(encodePathList(paths)),
  }),
];
