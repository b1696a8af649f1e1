import { type AmtMessage, decodeAmt, encodeAmt } from "#wire/amt.ts";
import { DecodeError } from "#wire/cursor.ts";
import { encodeMembershipPacket } from "#wire/membership-packet.ts";
import { parser, type ParserTarget } from "#test/support/fuzz/parsers.ts";

const nonce = 0x1234_5678;
const mac = Uint8Array.of(1, 2, 3, 4, 5, 6);
const query = { kind: "query", group: undefined, sources: [], suppress: false, robustness: 2 } as const;
const igmpQuery = encodeMembershipPacket(
  { ...query, version: 3, maxResponseMs: 1000, queryIntervalS: 125 },
  "192.0.2.1",
);
const mldQuery = encodeMembershipPacket(
  { ...query, version: 3, maxResponseMs: 1000, queryIntervalS: 125 },
  "fe80::1",
);
const report4 = encodeMembershipPacket(
  { kind: "report", version: 3, records: [{ type: "allow", group: "232.1.1.1", sources: ["198.51.100.1"] }] },
  "0.0.0.0",
);
const report6 = encodeMembershipPacket(
  { kind: "report", version: 3, records: [{ type: "allow", group: "ff3e::1", sources: ["2001:db8::1"] }] },
  "::",
);

export const AMT_MESSAGES: readonly AmtMessage[] = [
  { kind: "relay-discovery", nonce },
  { kind: "relay-advertisement", nonce, relay: "192.0.2.1" },
  { kind: "relay-advertisement", nonce, relay: "2001:db8::1" },
  { kind: "request", nonce, family: 4, flag: "rfc" },
  { kind: "request", nonce, family: 6, flag: "rfc" },
  { kind: "request", nonce, family: 6, flag: "linux" },
  { kind: "membership-query", mac, nonce, full: false, packet: igmpQuery, gateway: undefined },
  {
    kind: "membership-query",
    mac,
    nonce,
    full: true,
    packet: mldQuery,
    gateway: { address: "203.0.113.9", port: 4711 },
  },
  {
    kind: "membership-query",
    mac,
    nonce,
    full: false,
    packet: igmpQuery,
    gateway: { address: "2001:db8::9", port: 65535 },
  },
  { kind: "membership-update", mac, nonce, packet: report4 },
  { kind: "membership-update", mac, nonce, packet: report6 },
  { kind: "multicast-data", packet: report4 },
  { kind: "teardown", mac, nonce, gateway: { address: "203.0.113.9", port: 4711 } },
  { kind: "teardown", mac, nonce, gateway: { address: "2001:db8::9", port: 1 } },
];

export const AMT_TARGETS: readonly ParserTarget[] = [
  parser({
    name: "an AMT message",
    corpus: AMT_MESSAGES.map(encodeAmt),
    decode: decodeAmt,
    refuses: DecodeError,
    again: (message) => decodeAmt(encodeAmt(message)),
  }),
];
