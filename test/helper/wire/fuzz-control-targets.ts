import { decodeBeacon, encodeBeacon, type Beacon } from "#wire/beacon.ts";
import { decodeServiceChange, encodeServiceChange, type ServiceData } from "#wire/control-services.ts";
import { decodeMembershipEntry, encodeMembershipEntry } from "#wire/control-membership.ts";
import {
  decodeNetworkChange,
  encodeNetworkChange,
  networkKey,
  type NetworkEntry,
} from "#wire/control-network.ts";
import { decodeControl, encodeControl, MAX_CONTROL, type ControlMessage } from "#wire/control.ts";
import { DecodeError } from "#wire/cursor.ts";
import { parser, type ParserTarget } from "#test/support/fuzz/parsers.ts";

const INCLUDE = { mode: "include", sources: ["10.0.0.1", "10.0.0.2"] } as const;
export const MEMBERSHIP_ENTRIES: readonly Uint8Array[] = [
  { group: "239.1.2.3", filter: { mode: "exclude", sources: [] } } as const,
  { group: "232.1.2.3", filter: INCLUDE } as const,
  { group: "ff3e::8000:1", filter: { mode: "include", sources: ["2001:db8::1"] } } as const,
  { group: "ff1e::1", filter: undefined },
].map(encodeMembershipEntry);

const NETWORK: NetworkEntry = {
  kind: "network",
  name: "Zuhause",
  prefix6: { address: "fd12:3456:789a::", length: 48 },
  prefix4: { address: "10.77.0.0", length: 16 },
  ranges: [
    { address: "239.0.0.0", length: 8 },
    { address: "ff1e::", length: 16 },
  ],
};
const CANDIDATES: NetworkEntry = {
  kind: "candidates",
  candidates: [
    { host: "home.example", port: 42268 },
    { host: "2001:db8::1", port: 1 },
  ],
};
const LANS: NetworkEntry = {
  kind: "lans",
  lans: [
    { prefix: { address: "192.168.1.0", length: 24 }, mapped: { address: "100.67.1.0", length: 24 } },
    { prefix: { address: "2001:db8:1:1::", length: 64 }, mapped: undefined },
  ],
};
const MAPPED: NetworkEntry = { kind: "mapped", address: "203.0.113.5", port: 42268 };
const MEET: NetworkEntry = { kind: "meet", place: { host: "meet.example", port: 42270 } };
const DHT: NetworkEntry = { kind: "dht", key: new Uint8Array(32).fill(0xdd) };
const MEMBER: NetworkEntry = { kind: "member", number: 7, name: "Ännas Laptop", online: true };
const SERVICES: readonly ServiceData[] = [
  { type: "A", address: "192.168.1.20" },
  { type: "AAAA", address: "2001:db8::20" },
  { type: "PTR", target: "Dr. Pepper._http._tcp.local" },
  { type: "SRV", priority: 0, weight: 1, port: 8080, target: "box.local" },
  { type: "TXT", text: Uint8Array.of(3, 97, 61, 98, 0) },
];
export const NETWORK_ENTRIES: readonly Uint8Array[] = [
  ...([NETWORK, CANDIDATES, LANS, MAPPED, MEET, DHT, MEMBER, { kind: "assigned", number: 7 }] as const).map(
    (entry) => encodeNetworkChange(networkKey(entry), entry),
  ),
  encodeNetworkChange("member 7", undefined),
  encodeNetworkChange("candidates", undefined),
];

export const SERVICE_ENTRIES: readonly Uint8Array[] = [
  ...SERVICES.map((data, i) =>
    encodeServiceChange(String(i), { origin: 9, ttl: 120, name: "Dr. Pepper._http._tcp.local", data }),
  ),
  encodeServiceChange("7", undefined),
];

const NUMBERED = { incarnation: 0xcafe, version: 3, ackWanted: true } as const;
const MESSAGES: readonly ControlMessage[] = [
  {
    type: "hello",
    minor: 0,
    incarnation: 5,
    capabilities: 1,
    wantsReply: true,
    name: "Anna",
    build: "0.1.0",
  },
  { type: "ping", stamp: 0xffffffff },
  { type: "pong", stamp: 0 },
  { type: "pong", stamp: 7, report: { expected: 0xffffffff, received: 0, largest: 0xffff } },
  { type: "close", reason: "removed" },
  {
    type: "mdns-questions",
    questions: [
      { type: "PTR", name: "_http._tcp.local" },
      { type: "ANY", name: "Dr. Pepper._http._tcp.local" },
    ],
  },
  { type: "ssdp-search", id: 7, mx: 2, target: "ssdp:all" },
  {
    type: "ssdp-found",
    id: 7,
    target: "upnp:rootdevice",
    usn: "uuid:1::upnp:rootdevice",
    location: "http://192.168.1.20:8200/rootDesc.xml",
    server: "Linux UPnP/1.0",
    maxAge: 1800,
  },
  { type: "ssdp-notify", origin: 7, target: "a", usn: "b", location: "", server: "", maxAge: 0 },
  { type: "observed", address: "192.0.2.1", port: 4000 },
  { type: "observed", address: "2001:db8::1", port: 1 },
  { type: "state-snapshot", topic: 1, ...NUMBERED, part: 0, parts: 1, entries: MEMBERSHIP_ENTRIES },
  { type: "state-snapshot", topic: 2, ...NUMBERED, part: 1, parts: 3, entries: NETWORK_ENTRIES },
  { type: "state-delta", topic: 1, ...NUMBERED, base: 2, entries: MEMBERSHIP_ENTRIES.slice(2) },
  { type: "state-ack", topic: 2, incarnation: 0xcafe, version: 3, gap: true },
];

/** Several messages often share a frame. */
export const CONTROL_FRAMES: readonly Uint8Array[] = [
  ...MESSAGES.map(encodeControl),
  Buffer.concat(MESSAGES.slice(0, 6).map(encodeControl)),
];

const BEACON: Beacon = {
  priority: 100,
  memberId: new Uint8Array(8).fill(1),
  interface: new Uint8Array(6).fill(2),
  sequence: 2n ** 40n,
  networks: [
    { tag: new Uint8Array(8).fill(3), forwarding: true, leaving: false, mac: new Uint8Array(16).fill(4) },
    { tag: new Uint8Array(8).fill(5), forwarding: false, leaving: true, mac: new Uint8Array(16) },
  ],
};

/** Control messages, the entries in them, and beacons. */
export const CONTROL_TARGETS: readonly ParserTarget[] = [
  parser({
    name: "control messages",
    refuses: undefined, // what is wrong is counted, the rest is heard
    corpus: CONTROL_FRAMES,
    decode: (bytes) => {
      const { messages } = decodeControl(bytes);
      return messages.length > 0 ? messages : undefined;
    },
    again: (messages) => messages.flatMap((message) => decodeControl(encodedWithin(message)).messages),
  }),
  parser({
    name: "membership entry",
    refuses: DecodeError,
    corpus: MEMBERSHIP_ENTRIES,
    decode: decodeMembershipEntry,
    again: (entry) => decodeMembershipEntry(encodeMembershipEntry(entry)),
  }),
  parser({
    name: "network entry",
    refuses: DecodeError,
    corpus: NETWORK_ENTRIES,
    decode: decodeNetworkChange,
    again: ({ key, entry }) => decodeNetworkChange(encodeNetworkChange(key, entry)),
  }),
  parser({
    name: "service entry",
    refuses: DecodeError,
    corpus: SERVICE_ENTRIES,
    decode: decodeServiceChange,
    again: ({ key, value }) => decodeServiceChange(encodeServiceChange(key, value)),
  }),
  parser({
    name: "beacon",
    refuses: DecodeError,
    corpus: [encodeBeacon(BEACON), encodeBeacon({ ...BEACON, networks: [] })],
    decode: decodeBeacon,
    again: (beacon) => decodeBeacon(encodeBeacon(beacon)),
  }),
];

/** What was read may be longer than what we write: a frame is larger than MAX_CONTROL, of which entries fill most. */
function encodedWithin(message: ControlMessage): Uint8Array {
  if (message.type !== "state-snapshot" && message.type !== "state-delta") return encodeControl(message);
  const size = message.entries.reduce((sum, entry) => sum + 2 + entry.length, 0);
  if (size <= MAX_CONTROL - 4 - 18) return encodeControl(message);
  const raw = Buffer.concat([
    encodeControl({ ...message, entries: [] }),
    ...message.entries.flatMap((entry) => [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry]),
  ]);
  raw.writeUInt16BE(raw.length - 4, 2);
  return raw;
}
