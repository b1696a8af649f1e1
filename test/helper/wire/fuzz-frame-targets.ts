import { DecodeError } from "#wire/cursor.ts";
import {
  DATA_HEADER_LENGTH,
  decodeDataHeader,
  decodeFragmentHeader,
  decodeInnerHeader,
  encodeDataHeader,
  encodeFragmentHeader,
  encodeInnerHeader,
  FRAGMENT_HEADER_LENGTH,
  FRAME_OVERHEAD,
  INNER_HEADER_LENGTH,
  KIND_CONTROL,
  KIND_MULTICAST,
} from "#wire/frame.ts";
import {
  decodeInitiationPayload,
  decodeResponsePayload,
  encodeInitiationPayload,
  encodeResponsePayload,
} from "#wire/frame-handshake-payload.ts";
import {
  decodeCookieReply,
  decodeInitiation,
  decodeResponse,
  encodeCookieReply,
  encodeInitiation,
  encodeResponse,
  INITIATION_LENGTH,
  MAC_LENGTH,
  RESPONSE_LENGTH,
} from "#wire/frame-handshake.ts";
import { parser, type ParserTarget } from "#test/support/fuzz/parsers.ts";

function filled(length: number, write: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 37) & 0xff);
  write(bytes);
  return bytes;
}

const DATA = filled(FRAME_OVERHEAD + 100, (bytes) =>
  encodeDataHeader(bytes, 0, { receiverIndex: 0xdeadbeef, counter: 2 ** 40 + 5 }),
);
const INNER = filled(INNER_HEADER_LENGTH + 20, (bytes) =>
  encodeInnerHeader(bytes, 0, {
    kind: KIND_MULTICAST,
    flags: 2,
    hops: 8,
    origin: 7,
    epoch: 1_800_000_000,
    sequence: 9,
  }),
);
const FRAGMENT = filled(FRAGMENT_HEADER_LENGTH + 60, (bytes) =>
  encodeFragmentHeader(bytes, 0, { kind: KIND_CONTROL, index: 1, count: 3, total: 180, offset: 60 }),
);
const INITIATION = encodeInitiation({
  senderIndex: 0x01020304,
  noise: new Uint8Array(INITIATION_LENGTH - 8 - 2 * MAC_LENGTH).fill(5),
});
const RESPONSE = encodeResponse({
  senderIndex: 1,
  receiverIndex: 0xffffffff,
  noise: new Uint8Array(RESPONSE_LENGTH - 12 - 2 * MAC_LENGTH).fill(6),
});
const COOKIE = encodeCookieReply({
  receiverIndex: 3,
  nonce: new Uint8Array(24).fill(7),
  sealed: new Uint8Array(32).fill(8),
});

/** Everything in front of what a cipher protects, and what the two handshake messages carry inside. */
export const FRAME_TARGETS: readonly ParserTarget[] = [
  parser({
    name: "data header",
    refuses: undefined,
    corpus: [DATA],
    decode: decodeDataHeader,
    again: (header) => {
      const bytes = new Uint8Array(FRAME_OVERHEAD);
      encodeDataHeader(bytes, 0, header);
      return decodeDataHeader(bytes);
    },
  }),
  parser({
    name: "inner header",
    refuses: undefined,
    corpus: [INNER],
    decode: decodeInnerHeader,
    again: (header) => {
      const bytes = new Uint8Array(DATA_HEADER_LENGTH + INNER_HEADER_LENGTH);
      encodeInnerHeader(bytes, DATA_HEADER_LENGTH, header);
      return decodeInnerHeader(bytes.subarray(DATA_HEADER_LENGTH));
    },
  }),
  parser({
    name: "fragment header",
    refuses: undefined,
    corpus: [FRAGMENT],
    decode: decodeFragmentHeader,
    again: (header) => {
      const bytes = new Uint8Array(FRAGMENT_HEADER_LENGTH + Math.max(1, header.total - header.offset));
      encodeFragmentHeader(bytes, 0, header);
      return decodeFragmentHeader(bytes);
    },
  }),
  parser({
    name: "initiation",
    refuses: undefined,
    corpus: [INITIATION],
    decode: decodeInitiation,
    again: (frame) => decodeInitiation(encodeInitiation(frame)),
  }),
  parser({
    name: "response",
    refuses: undefined,
    corpus: [RESPONSE],
    decode: decodeResponse,
    again: (frame) => decodeResponse(encodeResponse(frame)),
  }),
  parser({
    name: "cookie reply",
    refuses: undefined,
    corpus: [COOKIE],
    decode: decodeCookieReply,
    again: (frame) => decodeCookieReply(encodeCookieReply(frame)),
  }),
  parser({
    name: "initiation payload",
    refuses: DecodeError,
    corpus: [
      encodeInitiationPayload({
        timestamp: new Uint8Array(12).fill(9),
        minor: 0,
        ciphers: [2, 1],
        inviteId: new Uint8Array(8).fill(3),
        caller: "host",
      }),
    ],
    decode: decodeInitiationPayload,
    again: (payload) => decodeInitiationPayload(encodeInitiationPayload(payload)),
  }),
  parser({
    name: "response payload",
    refuses: DecodeError,
    corpus: [encodeResponsePayload({ status: "ok", cipher: 2, minor: 0, wallMs: 1_800_000_000_000 })],
    decode: decodeResponsePayload,
    again: (payload) => decodeResponsePayload(encodeResponsePayload(payload)),
  }),
];
