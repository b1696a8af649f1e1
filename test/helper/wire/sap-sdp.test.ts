import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeError, EncodeError } from "#wire/cursor.ts";
import { decodeSap, encodeSap, SDP_TYPE, type SapMessage } from "#wire/sap.ts";
import {
  decodeSdp,
  encodeSdp,
  includedSources,
  MAX_LAYERS,
  MAX_SDP,
  type SessionDescription,
} from "#wire/sdp.ts";
import { corrupted, expectRoundTrip, fromHex, toHex } from "./round-trip.ts";

const text = (of: string): Uint8Array => new TextEncoder().encode(of);

const ANNOUNCEMENT: SapMessage = {
  deletion: false,
  hash: 0x1234,
  source: "192.0.2.1",
  authentication: new Uint8Array(0),
  payloadType: SDP_TYPE,
  payload: text("v=0\r\n"),
};
/** "application/sdp", NUL, "v=0", CR, LF. */
const TYPED = "6170706c69636174696f6e2f736470 00 763d300d0a";

describe("SAP (RFC 2974)", () => {
  test.each<[string, string, SapMessage]>([
    ["an announcement", `20 00 1234 c0000201 ${TYPED}`, ANNOUNCEMENT],
    ["a deletion", `24 00 1234 c0000201 ${TYPED}`, { ...ANNOUNCEMENT, deletion: true }],
    [
      "an announcement over IPv6",
      `30 00 1234 20010db8000000000000000000000001 ${TYPED}`,
      { ...ANNOUNCEMENT, source: "2001:db8::1" },
    ],
    [
      "authentication data, which is kept and not believed",
      `20 02 1234 c0000201 2102030405060708 ${TYPED}`,
      { ...ANNOUNCEMENT, authentication: fromHex("2102030405060708").slice() },
    ],
    ["no type, which is SDP", "20 00 1234 c0000201 763d300d0a", { ...ANNOUNCEMENT, payloadType: undefined }],
    [
      "no type, and the origin alone",
      "24 00 1234 c0000201 6f3d2d",
      { ...ANNOUNCEMENT, deletion: true, payloadType: undefined, payload: text("o=-") },
    ],
  ])("%s", (_what, hex, message) => {
    const bytes = fromHex(hex);
    expect({ ...decodeSap(bytes), payload: decodeSap(bytes).payload.slice() }).toEqual(message);
    expect(toHex(encodeSap(message))).toBe(toHex(bytes));
  });

  const good = encodeSap(ANNOUNCEMENT);
  test.each<[string, Uint8Array]>([
    ["another version", corrupted(good, { 0: 0x00 })],
    ["what is encrypted", corrupted(good, { 0: 0x22 })],
    ["what is compressed", corrupted(good, { 0: 0x21 })],
    ["authentication data longer than the packet", corrupted(good, { 1: 0xff })],
    ["an IPv6 source that is cut off", corrupted(good.subarray(0, 20), { 0: 0x30 })],
    ["a type without an end", good.subarray(0, 20)],
    ["a type that is none", corrupted(good, { 8: 0x20 })],
    ["a type that is too long", Buffer.concat([good.subarray(0, 8), text(`a/${"b".repeat(70)}\0`)])],
    ["nothing behind the header", good.subarray(0, 8)],
    ["nothing", new Uint8Array(0)],
  ])("refuses %s", (_what, bytes) => {
    expect(() => decodeSap(bytes)).toThrow(DecodeError);
  });

  test("the reserved bit is read over", () => {
    expect(decodeSap(corrupted(good, { 0: 0x28 })).hash).toBe(0x1234);
  });

  test.each<[string, Partial<SapMessage>]>([
    ["authentication data of half a word", { authentication: new Uint8Array(2) }],
    ["too much of it", { authentication: new Uint8Array(1024) }],
    ["a type with a NUL in it", { payloadType: "a/b\0c" }],
    ["no type where the payload needs one", { payloadType: undefined, payload: text("<sdp/>") }],
  ])("does not send %s", (_what, change) => {
    expect(() => encodeSap({ ...ANNOUNCEMENT, ...change })).toThrow(EncodeError);
  });
});

/** As ffmpeg announces a transport stream in RTP. */
const FFMPEG = [
  "v=0",
  "o=- 0 0 IN IP4 192.0.2.1",
  "s=BBC One",
  "t=0 0",
  "a=tool:libavformat 61.7.100",
  "m=video 5004 RTP/AVP 33",
  "c=IN IP4 239.255.42.1/16",
  "b=AC:2000",
].join("\r\n");

const SESSION: SessionDescription = {
  origin: { username: "-", sessionId: "1", sessionVersion: "2", address: "192.0.2.1" },
  name: "BBC One",
  title: undefined,
  connection: undefined,
  attributes: [],
  media: [],
};

describe("SDP (RFC 8866)", () => {
  test("what ffmpeg announces", () => {
    expect(decodeSdp(text(FFMPEG))).toEqual({
      ...SESSION,
      origin: { username: "-", sessionId: "0", sessionVersion: "0", address: "192.0.2.1" },
      attributes: [{ name: "tool", value: "libavformat 61.7.100" }],
      media: [
        {
          media: "video",
          port: 5004,
          protocol: "RTP/AVP",
          formats: ["33"],
          title: undefined,
          connections: [{ address: "239.255.42.1", ttl: 16, count: 1 }],
          attributes: [],
        },
      ],
    });
  });

  test.each<[string, string, object]>([
    ["IPv4 with a TTL", "IN IP4 239.1.2.3/127", { address: "239.1.2.3", ttl: 127, count: 1 }],
    ["IPv4 without", "IN IP4 239.1.2.3", { address: "239.1.2.3", ttl: undefined, count: 1 }],
    ["layers", "IN IP4 239.1.2.3/127/3", { address: "239.1.2.3", ttl: 127, count: 3 }],
    ["IPv6", "IN IP6 FF1E:0::1", { address: "ff1e::1", ttl: undefined, count: 1 }],
    ["IPv6 layers", "IN IP6 ff1e::1/3", { address: "ff1e::1", ttl: undefined, count: 3 }],
  ])("a connection: %s", (_what, value, expected) => {
    const { connection } = decodeSdp(text(`v=0\no=- 1 1 IN IP4 h\ns=x\nc=${value}\n`));
    expect(connection).toEqual(expected);
  });

  test("a connection to a host name is read over; Latin-1 is read as it was meant", () => {
    const bytes = Buffer.from("v=0\no=- 1 1 IN IP4 h\ns=Télé\nc=IN IP4 tv.example\n", "latin1");
    expect(decodeSdp(bytes)).toMatchObject({ name: "Télé", connection: undefined });
  });

  const lines = FFMPEG.split("\r\n");
  const changed = (at: number, line: string): string => lines.with(at, line).join("\r\n");
  test.each<[string, string]>([
    ["nothing", ""],
    ["another version", changed(0, "v=1")],
    ["a first line that is another one", lines.slice(1).join("\n")],
    ["no origin", changed(1, "a=x")],
    ["an origin of five fields", changed(1, "o=- 0 0 IN IP4")],
    ["a session number with a letter", changed(1, "o=- 1a 0 IN IP4 h")],
    ["no name", changed(2, "a=x")],
    ["a line that is none", changed(3, "hello")],
    ["a type that nobody knows", changed(3, "x=1")],
    ["an empty line", changed(3, "")],
    ["a NUL", changed(2, "s=a\0b")],
    ["a port that is none", changed(5, "m=video 65536 RTP/AVP 33")],
    ["media without a format", changed(5, "m=video 5004 RTP/AVP")],
    ["a connection of another net", changed(6, "c=ATM NSAP 47")],
    ["a connection of another family", changed(6, "c=IN IP6 239.1.2.3/1")],
    ["a TTL that is too large", changed(6, "c=IN IP4 239.1.2.3/256")],
    ["no layers", changed(6, "c=IN IP4 239.1.2.3/16/0")],
    ["too many layers", changed(6, `c=IN IP4 239.1.2.3/16/${MAX_LAYERS + 1}`)],
    ["a TTL over IPv6", changed(6, "c=IN IP6 ff1e::1/16/2")],
    ["too many lines", [...lines, ...Array<string>(256).fill("a=x")].join("\n")],
    ["too much media", [...lines.slice(0, 4), ...Array<string>(33).fill(lines[5]!)].join("\n")],
    ["too much", changed(4, `a=${"x".repeat(MAX_SDP)}`)],
  ])("refuses %s", (_what, description) => {
    expect(() => decodeSdp(text(description))).toThrow(DecodeError);
  });

  test("does not send a line in a line", () => {
    expect(() => encodeSdp({ ...SESSION, name: "a\r\nm=x" })).toThrow(EncodeError);
  });

  test("source filters (RFC 4570): those of the group, and those of all groups", () => {
    const filter = (value: string) => ({ name: "source-filter", value });
    const attributes = [
      filter(" incl IN IP4 232.1.1.1 192.0.2.1 192.0.2.2"),
      filter("incl IN IP4 * 192.0.2.3"),
      filter("excl IN IP4 * 192.0.2.4"),
      filter("incl IN IP4 232.9.9.9 192.0.2.5 nonsense"),
      filter(""),
      { name: "recvonly", value: undefined },
    ];
    expect(includedSources(attributes, "232.1.1.1")).toEqual(
      new Set(["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
    );
    expect(includedSources(attributes.slice(3), "232.1.1.1")).toBeUndefined();
  });
});

const word = fc.stringMatching(/^[!-9;-~]{1,12}$/);
const words = fc.stringMatching(/^[!-~äß漢😀]([ -~äß漢😀]{0,20}[!-~äß漢😀])?$/u);
const attribute = fc.record({ name: word, value: fc.option(words, { nil: undefined }) });
const connection = fc.oneof(
  fc.record({
    address: fc.constantFrom("239.1.2.3", "192.0.2.1"),
    ttl: fc.integer({ min: 0, max: 255 }),
    count: fc.integer({ min: 1, max: MAX_LAYERS }),
  }),
  fc.record({
    address: fc.constantFrom("ff1e::1", "2001:db8::7"),
    ttl: fc.constant(undefined),
    count: fc.integer({ min: 1, max: MAX_LAYERS }),
  }),
);
const title = fc.option(words, { nil: undefined });
const session: fc.Arbitrary<SessionDescription> = fc.record({
  origin: fc.record({
    username: word,
    sessionId: fc.bigInt({ min: 0n, max: 1n << 64n }).map(String),
    sessionVersion: fc.bigInt({ min: 0n, max: 1n << 64n }).map(String),
    address: fc.constantFrom("192.0.2.1", "2001:db8::1", "tv.example"),
  }),
  name: words,
  title,
  connection: fc.option(connection, { nil: undefined }),
  attributes: fc.array(attribute, { maxLength: 4 }),
  media: fc.array(
    fc.record({
      media: word,
      port: fc.integer({ min: 0, max: 0xffff }),
      protocol: word,
      formats: fc.array(word, { minLength: 1, maxLength: 3 }),
      title,
      connections: fc.array(connection, { maxLength: 2 }),
      attributes: fc.array(attribute, { maxLength: 3 }),
    }),
    { maxLength: 3 },
  ),
});

test("every session description comes back as it was", () => {
  fc.assert(fc.property(session, (one) => expectRoundTrip(one, encodeSdp, decodeSdp)));
});

test("every announcement comes back as it was", () => {
  const message = fc.record({
    deletion: fc.boolean(),
    hash: fc.integer({ min: 0, max: 0xffff }),
    source: fc.constantFrom("192.0.2.1", "2001:db8::1"),
    authentication: fc.integer({ min: 0, max: 255 }).map((length) => new Uint8Array(4 * length).fill(7)),
    payloadType: fc.constantFrom(SDP_TYPE, "text/plain;charset=utf-8"),
    payload: fc.uint8Array({ maxLength: 64 }).map((bytes) => new Uint8Array(bytes)),
  });
  fc.assert(fc.property(message, (one) => expectRoundTrip(one, encodeSap, decodeSap)));
});
