import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  decodeMembershipEntry,
  encodeMembershipEntry,
  type MembershipEntry,
} from "#wire/control-membership.ts";
import { decodeNetworkChange, encodeNetworkChange, networkKey } from "#wire/control-network.ts";
import type { NetworkEntry } from "#wire/control-network.ts";
import { splitEntries } from "#wire/control-state.ts";
import { decodeControl, encodeControl, MAX_CONTROL, type ControlMessage } from "#wire/control.ts";
import { DecodeError } from "#wire/cursor.ts";
import {
  decodeInitiationPayload,
  decodeResponsePayload,
  encodeInitiationPayload,
  encodeResponsePayload,
} from "#wire/frame-handshake-payload.ts";
import * as frame from "#wire/frame.ts";

const bytes = (hex: string) => Uint8Array.fromHex(hex.replaceAll(" ", ""));

const MESSAGES: [string, ControlMessage][] = [
  [
    "0100 0011 00 01 00000005 0000002a 03416c69 02762e",
    {
      type: "hello",
      minor: 0,
      wantsReply: true,
      capabilities: 5,
      incarnation: 42,
      name: "Ali",
      build: "v.",
    },
  ],
  ["0200 0004 deadbeef", { type: "ping", stamp: 0xdeadbeef }],
  ["0300 0004 00000001", { type: "pong", stamp: 1 }],
  [
    "0300 000e 00000001 00000102 00000100 05c0",
    { type: "pong", stamp: 1, report: { expected: 258, received: 256, largest: 1472 } },
  ],
  ["0400 0001 02", { type: "close", reason: "removed" }],
  ["0500 0007 1388 04 c0000201", { type: "observed", address: "192.0.2.1", port: 5000 }],
  [
    "0600 0018 01 01 0001 0003 0000002a 00000009 00000000 0001 ff 0001 fe",
    {
      type: "state-snapshot",
      topic: 1,
      ackWanted: true,
      part: 1,
      parts: 3,
      incarnation: 42,
      version: 9,
      entries: [Uint8Array.of(0xff), Uint8Array.of(0xfe)],
    },
  ],
  [
    "0700 0015 02 00 0000 0000 0000002a 00000009 00000007 0001 ff",
    {
      type: "state-delta",
      topic: 2,
      ackWanted: false,
      incarnation: 42,
      version: 9,
      base: 7,
      entries: [Uint8Array.of(0xff)],
    },
  ],
  [
    "0800 000e 01 01 0000 0000 0000002a 00000009",
    { type: "state-ack", topic: 1, gap: true, incarnation: 42, version: 9 },
  ],
];

test.each(MESSAGES)("control message %s", (hex, message) => {
  expect(encodeControl(message).toHex()).toBe(bytes(hex).toHex());
  expect(decodeControl(bytes(hex))).toEqual({ messages: [message], unknown: 0, malformed: 0 });
});

test.each(MESSAGES)("cut short, or with a length that lies: %s", (hex, message) => {
  const whole = bytes(hex);
  for (let length = 1; length < whole.length; length++) {
    const { messages, malformed } = decodeControl(whole.subarray(0, length));
    expect([messages.length, malformed]).toEqual([0, 1]);
  }
  // A later version may append fields: they are not read.
  const longer = new Uint8Array([...whole, 1]);
  longer[3]!++;
  if (!message.type.startsWith("state-") || message.type === "state-ack")
    expect(decodeControl(longer).messages).toEqual([message]);
});

test("several messages in one payload; the unknown and the malformed are passed over", () => {
  const payload = bytes("0200 0004 00000001  c800 0002 ffff  0400 0000  0300 0004 00000002");
  expect(decodeControl(payload)).toEqual({
    messages: [
      { type: "ping", stamp: 1 },
      { type: "pong", stamp: 2 },
    ],
    unknown: 1,
    malformed: 1,
  });
});

test("limits of soft state: part beyond parts, base beyond version, an entry too long, a payload too long", () => {
  const refused = [
    "0600 0012 01 01 0003 0003 0000002a 00000009 00000000",
    "0600 0012 01 01 0000 1001 0000002a 00000009 00000000",
    "0700 0012 01 01 0000 0000 0000002a 00000009 0000000a",
  ];
  for (const hex of refused) expect(decodeControl(bytes(hex))).toMatchObject({ messages: [], malformed: 1 });
  const body = new Uint8Array(18 + 2 + 1_101);
  body.set([1, 0, 0, 0, 0, 1], 0);
  new DataView(body.buffer).setUint16(18, 1_101);
  const long = new Uint8Array([6, 0, body.length >> 8, body.length & 255, ...body]);
  expect(decodeControl(long)).toMatchObject({ messages: [], malformed: 1 });
  expect(decodeControl(new Uint8Array(1_425))).toEqual({ messages: [], unknown: 0, malformed: 1 });
});

test("a message of ours that is too large throws", () => {
  const entries = [new Uint8Array(1_000), new Uint8Array(1_000)];
  const numbers = { topic: 1, incarnation: 1, version: 1, base: 0, ackWanted: true };
  expect(() => encodeControl({ type: "state-delta", ...numbers, entries })).toThrow(RangeError);
});

test("entries are split into runs that fit, in order", () => {
  const entries = [3, 3, 9, 1].map((length, i) => new Uint8Array(length).fill(i));
  expect(splitEntries(entries, 10)).toEqual([[entries[0], entries[1]], [entries[2]], [entries[3]]]);
  expect(splitEntries([], 10)).toEqual([[]]);
});

const MEMBERSHIP: [string, MembershipEntry][] = [
  ["00 04 ef010203", { group: "239.1.2.3", filter: undefined }],
  ["02 04 ef010203 00", { group: "239.1.2.3", filter: { mode: "exclude", sources: [] } }],
  [
    "01 06 ff1e0000000000000000000000000001 01 20010db8000000000000000000000009",
    { group: "ff1e::1", filter: { mode: "include", sources: ["2001:db8::9"] } },
  ],
];

test.each(MEMBERSHIP)("membership entry %s", (hex, entry) => {
  expect(encodeMembershipEntry(entry).toHex()).toBe(bytes(hex).toHex());
  expect(decodeMembershipEntry(bytes(hex))).toEqual(entry);
});

test.each([
  "01 05 ef010203 00", // no family
  "01 04 c0000201 00", // a group that is unicast
  "03 04 ef010203 00", // no operation
  "01 04 ef010203 01 e0000001", // a source that is multicast
  "01 04 ef010203 41", // 65 sources
  "01 04 ef010203 02 c0000201", // fewer than announced
])("membership entry %s is refused", (hex) => {
  expect(() => decodeMembershipEntry(bytes(hex))).toThrow(DecodeError);
});

const NETWORK: [string, NetworkEntry][] = [
  [
    "01 01 0141 06 30 fd000001000200000000000000000000 04 10 0a630000 01 04 08 ef000000",
    {
      kind: "network",
      name: "A",
      prefix6: { address: "fd00:1:2::", length: 48 },
      prefix4: { address: "10.99.0.0", length: 16 },
      ranges: [{ address: "239.0.0.0", length: 8 }],
    },
  ],
  ["02 01 0007", { kind: "assigned", number: 7 }],
  ["03 01 0007 01 0142", { kind: "member", number: 7, name: "B", online: true }],
  ["04 01 01 0fa0 0163", { kind: "candidates", candidates: [{ host: "c", port: 4000 }] }],
  ["07 01 a51c 04 cb007105", { kind: "mapped", port: 42268, address: "203.0.113.5" }],
  ["08 01 a51e 04 6d656574", { kind: "meet", place: { host: "meet", port: 42270 } }],
  ["08 01 0000 00", { kind: "meet", place: undefined }],
  [`09 01 20 ${"dd".repeat(32)}`, { kind: "dht", key: new Uint8Array(32).fill(0xdd) }],
  ["09 01 00", { kind: "dht", key: undefined }],
  ["07 01 0fa0 06 20010db8000000000000000000000001", { kind: "mapped", port: 4000, address: "2001:db8::1" }],
  [
    "05 01 02 04 18 c0a80100 01 04 18 64430100 06 40 20010db8000100010000000000000000 00",
    {
      kind: "lans",
      lans: [
        {
          prefix: { address: "192.168.1.0", length: 24 },
          mapped: { address: "100.67.1.0", length: 24 },
        },
        { prefix: { address: "2001:db8:1:1::", length: 64 }, mapped: undefined },
      ],
    },
  ],
];

test.each(NETWORK)("network entry %s", (hex, entry) => {
  expect(encodeNetworkChange(networkKey(entry), entry).toHex()).toBe(bytes(hex).toHex());
  expect(decodeNetworkChange(bytes(hex))).toEqual({ key: networkKey(entry), entry });
  const removal = encodeNetworkChange(networkKey(entry), undefined);
  expect(decodeNetworkChange(removal)).toEqual({ key: networkKey(entry), entry: undefined });
});

test.each([
  "01 01 0141 06 2f fd000001000200000000000000000000 04 10 0a630000 00", // a /47
  "01 01 0141 06 30 fd000001000200010000000000000000 04 10 0a630000 00", // bits behind the length
  "01 01 0141 04 10 0a630000 04 10 0a630000 00", // IPv4 where IPv6 belongs
  "01 01 0141 06 30 fd000001000200000000000000000000 04 10 0a630000 21", // 33 ranges
  "03 01 0007 01 a1", // a name of 161 bytes
  "03 01 0007 01 02 c328", // no UTF-8
  "03 02 0007 01 0142", // no operation
  "07 01 a51c 05 cb007105", // no family
  "04 01 09", // nine candidates
  "05 01 09", // nine LANs
  "05 01 01 04 18 c0a80101 00", // a LAN with bits behind the length
  "05 01 01 04 18 c0a80100 01 04 19 64430100", // mapped to half as many addresses
  "05 01 01 04 18 c0a80100 01 06 40 20010db8000100010000000000000000", // mapped to the other family
])("network entry %s is refused", (hex) => {
  expect(() => decodeNetworkChange(bytes(hex))).toThrow(DecodeError);
});

test("a kind of entry that a later version added is unknown, set or removed", () => {
  expect(decodeNetworkChange(bytes("63 01 ffff"))).toBeUndefined();
  expect(decodeNetworkChange(bytes("63 00"))).toBeUndefined();
});

test("handshake payloads, with room for later fields", () => {
  const initiation = {
    timestamp: bytes("4000000065000000 00000001"),
    minor: 0,
    caller: "guest",
    ciphers: [2, 1],
    inviteId: bytes("0102030405060708"),
  } as const;
  const hex = bytes("4000000065000000 00000001 00 00 02010000 0000 0102030405060708");
  expect(encodeInitiationPayload(initiation)).toEqual(hex);
  expect(decodeInitiationPayload(new Uint8Array([...hex, 9, 9]))).toEqual(initiation);
  for (const [flags, caller] of [
    ["01", "host"],
    ["02", "static"],
  ] as const) {
    const called = bytes(`4000000065000000 00000001 00 ${flags} 02010000 0000 0102030405060708`);
    expect(encodeInitiationPayload({ ...initiation, caller })).toEqual(called);
    expect(decodeInitiationPayload(called)).toEqual({ ...initiation, caller });
  }
  const later = bytes("4000000065000000 00000001 00 f0 02010000 0000 0102030405060708");
  expect(decodeInitiationPayload(later)).toEqual(initiation); // flags of a later version
  const response = { status: "used-up", cipher: 2, minor: 0, wallMs: 1_800_000_000_000 } as const;
  expect(encodeResponsePayload(response)).toEqual(bytes("03 02 00 00 000001a3185c5000"));
  expect(decodeResponsePayload(encodeResponsePayload(response))).toEqual(response);
  expect(decodeResponsePayload(bytes("c8 02 00 00 0000000000000000")).status).toBe("refused");
});

test("headers of data frames", () => {
  const header = { receiverIndex: 0x01020304, counter: 2 ** 40 + 5 };
  const into = new Uint8Array(frame.FRAME_OVERHEAD);
  frame.encodeDataHeader(into, 0, header);
  expect(into.subarray(0, 16).toHex()).toBe(bytes("04000000 01020304 0000010000000005").toHex());
  expect(frame.decodeDataHeader(into)).toEqual(header);
  const nonce = new Uint8Array(frame.NONCE_LENGTH);
  frame.encodeNonce(nonce, header.counter);
  expect(nonce.toHex()).toBe("000000000000010000000005");
  expect(frame.decodeDataHeader(into.subarray(0, frame.FRAME_OVERHEAD - 1))).toBeUndefined();
  for (const i of [0, 1, 2, 3, 8]) {
    const changed = into.slice();
    changed[i] = 0x20;
    expect(frame.decodeDataHeader(changed)).toBeUndefined();
  }
});

test("inner headers", () => {
  const header = { kind: 1, flags: 2, hops: 8, origin: 7, epoch: 0xffffffff, sequence: 3 };
  const into = new Uint8Array(20);
  frame.encodeInnerHeader(into, 4, header);
  expect(into.subarray(4).toHex()).toBe(bytes("01 02 08 00 00000007 ffffffff 00000003").toHex());
  expect(frame.decodeInnerHeader(into.subarray(4))).toEqual(header);
  expect(frame.decodeInnerHeader(into.subarray(5))).toBeUndefined();
  for (const [at, value] of [
    [0, 5],
    [1, 4],
    [3, 1],
  ] as const) {
    const changed = into.slice(4);
    changed[at] = value;
    expect(frame.decodeInnerHeader(changed)).toBeUndefined();
  }
});

test("fragment headers", () => {
  const header = { kind: 1, index: 1, count: 3, total: 3_000, offset: 1_200 };
  const piece = new Uint8Array(8 + 1_200);
  frame.encodeFragmentHeader(piece, 0, header);
  expect(piece.subarray(0, 8).toHex()).toBe(bytes("01 01 03 00 0bb8 04b0").toHex());
  expect(frame.decodeFragmentHeader(piece)).toEqual(header);
  for (const wrong of [
    { kind: frame.KIND_FRAGMENT },
    { kind: frame.KIND_KEEPALIVE },
    { index: 3 },
    { count: 1, index: 0 },
    { count: 65 },
    { total: 2_399 },
  ]) {
    frame.encodeFragmentHeader(piece, 0, { ...header, ...wrong });
    expect(frame.decodeFragmentHeader(piece)).toBeUndefined();
  }
  expect(frame.decodeFragmentHeader(new Uint8Array(8))).toBeUndefined();
});

test("arbitrary control payloads never throw, and what decodes fits when it is encoded", () => {
  const wild = fc.uint8Array({ maxLength: 300 });
  const near = fc.tuple(fc.constantFrom(...MESSAGES), fc.nat(40), fc.nat(255)).map(([[hex], at, value]) => {
    const changed = bytes(hex);
    changed[at % changed.length] = value;
    return changed;
  });
  fc.assert(
    fc.property(fc.oneof(wild, near), (payload) => {
      for (const message of decodeControl(payload).messages)
        if (encodeControl(message).length > MAX_CONTROL) return false;
      return true;
    }),
    { numRuns: 5_000 },
  );
});

test("arbitrary entries throw DecodeError or nothing", () => {
  const decoders = [
    decodeMembershipEntry,
    decodeNetworkChange,
    decodeInitiationPayload,
    decodeResponsePayload,
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(4), (payload, first) => {
      if (payload.length > 1) payload.set([first, 1]);
      for (const decode of decoders) {
        try {
          decode(payload);
        } catch (error) {
          if (!(error instanceof DecodeError)) return false;
        }
      }
      return true;
    }),
    { numRuns: 5_000 },
  );
});
