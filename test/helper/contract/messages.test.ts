import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineReader } from "#contract/line-reader.ts";
import { decodeRequest, decodeServerMessage, encodeLine, type ServerMessage } from "#contract/messages.ts";
import { METHODS, type Method } from "#contract/methods.ts";
import { SNAPSHOT, STATS } from "../control/sample-state.ts";
import * as v from "valibot";

const MESSAGES: ServerMessage[] = [
  { type: "hello", protocolVersion: 1, buildVersion: "0.1.0", pid: 1 },
  { type: "hello", protocolVersion: 1, buildVersion: "0.1.0", pid: 1, access: "read" },
  { type: "response", id: 1, ok: true, result: { snapshot: SNAPSHOT } },
  { type: "response", id: 2, ok: false, error: { code: "conflict", message: "a", remedy: null } },
  { type: "event", seq: 3, changes: { groups: SNAPSHOT.groups } },
  { type: "event", seq: 4, changes: SNAPSHOT },
  { type: "resync" },
  {
    type: "log",
    id: 5,
    line: { number: 1, wall: 2, level: "warn", message: "m", fields: { a: 1, b: "x", c: true } },
  },
  { type: "bye", reason: "update" },
];

test.each(MESSAGES.map((message) => [message.type, message] as const))(
  "%s survives the way there",
  (_, message) => {
    const line = encodeLine(message);
    expect(line.indexOf("\n")).toBe(line.length - 1);
    expect(decodeServerMessage(line.trimEnd())).toEqual(message);
  },
);

test("a request survives the way there", () => {
  const request = { id: 7, method: "join", params: { link: "castaway://join/x\ny" } };
  expect(decodeRequest(encodeLine(request).trimEnd())).toEqual(request);
});

test("the whole sample state fits its schemas", () => {
  expect(v.parse(METHODS.dump.result, { snapshot: SNAPSHOT, stats: STATS })).toEqual({
    snapshot: SNAPSHOT,
    stats: STATS,
  });
});

test("a field that the contract does not name does not come through", () => {
  const network = { ...SNAPSHOT.networks[0], privateKey: "hidden" };
  const line = JSON.stringify({ type: "event", seq: 1, changes: { networks: [network], secret: "hidden" } });
  expect(JSON.stringify(decodeServerMessage(line))).not.toContain("hidden");
});

test("an error code of a newer daemon reads as internal", () => {
  const line =
    '{"type":"response","id":1,"ok":false,"error":{"code":"too-late","message":"m","remedy":null}}';
  expect(decodeServerMessage(line)).toMatchObject({ error: { code: "internal", message: "m" } });
});

describe("hostile lines", () => {
  test.each([
    "",
    "null",
    "[]",
    '"hello"',
    "{}",
    '{"type":"hello"}',
    '{"type":"hello","protocolVersion":1,"buildVersion":"x","pid":1,"access":"root"}',
    '{"type":"hello","protocolVersion":-1,"buildVersion":"x","pid":1}',
    '{"type":"hello","protocolVersion":1.5,"buildVersion":"x","pid":1}',
    '{"type":"response","id":1,"ok":"yes"}',
    '{"type":"event","seq":1,"changes":{"groups":{}}}',
    '{"type":"event","seq":1,"changes":{"daemon":{"pid":1e999}}}',
    '{"type":"toString"}',
    '{"__proto__":{"type":"resync"}}',
  ])("%s is no message of the daemon's", (line) => expect(decodeServerMessage(line)).toBeUndefined());

  test.each([
    '{"id":-1,"method":"status","params":{}}',
    '{"id":"1","method":"status","params":{}}',
    '{"id":1,"method":["status"],"params":{}}',
    '{"id":1,"method":"status"}',
    '{"id":1,"method":"status","params":null}',
    `{"id":1,"method":"${"x".repeat(65)}","params":{}}`,
    '{"id":1,"method":"status","params":{},"uid":0}',
  ])("%s is no request", (line) => expect(decodeRequest(line)).toBeUndefined());

  test("no line makes a decoder throw", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((text) => `{"type":"event","seq":1,"changes":${text}}`),
        ),
        (line) => {
          decodeServerMessage(line);
          decodeRequest(line);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("parameters", () => {
  const bad: [Method, unknown][] = [
    ["up", { name: "" }],
    ["up", { name: "x".repeat(65) }],
    ["up", { name: "\u202eevil" }],
    ["up", { network: 5 }],
    ["status", { extra: 1 }],
    ["invite.create", { uses: 0 }],
    ["invite.create", { uses: 1.5 }],
    ["invite.create", { expiresInSeconds: 59 }],
    ["invite.revoke", { invite: "../etc" }],
    ["invite.revoke", {}],
    ["join", { link: "x".repeat(4097) }],
    ["members.limit", { member: 2, bitsPerSecond: 10 }],
    ["members.limit", { member: 2 }],
    ["members.remove", { member: -1 }],
    ["members.remove", { member: "2" }],
    ["routes.add", { group: "239.1.1.1", fromVif: "eth0" }],
    ["routes.add", { group: "239.1.1.1; rm", fromVif: "eth0", toVifs: [] }],
    ["routes.add", { group: "239.1.1.1", fromVif: "a b", toVifs: [] }],
    ["routes.add", { group: "239.1.1.1", fromVif: "eth0", toVifs: Array(65).fill("a") }],
    ["lans.set", { name: "../x", mode: "full" }],
    ["lans.set", { name: "eth0", mode: "on" }],
    ["reach.set", { meet: "no port" }],
    ["reach.set", { portMapping: "on" }],
    ["reach.set", { dhtBootstrap: Array(17).fill("a:1") }],
    ["reach.set", { dhtRelays: ["0123"] }],
    ["reach.set", { proxy: "http://user:secret@proxy:3128" }],
    ["presets.set", { preset: "../dlna", on: true }],
    ["presets.set", { preset: "dlna" }],
    ["groups.raise-ttl", { group: "everything", on: true }],
    ["amt.join", { source: "203.0.113.7" }],
    ["amt.join", { group: "232.1.1.1", relay: "a relay" }],
    ["amt.join", { group: "232.1.1.1", port: 0 }],
    ["amt.leave", {}],
    ["amt.leave", { id: "a1", group: "232.1.1.1" }],
    ["amt.relays", { relays: Array.from({ length: 9 }, (_, i) => `192.0.2.${i}`) }],
    ["amt.relay", { enabled: true, maxGateways: 0 }],
    ["metrics.set", {}],
    ["metrics.set", { on: true, listen: "127.0.0.1" }],
    ["metrics.set", { on: true, listen: `/${"x".repeat(200)}` }],
    ["owners.add", { uid: 2 ** 32 }],
    ["owners.add", { uid: Number.NaN }],
    ["logs", { limit: 1e9 }],
  ];
  test.each(bad)("%s refuses %j", (method, params) =>
    expect(v.is(METHODS[method].params, params)).toBe(false),
  );
});

describe("LineReader", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

  test("gives the same lines however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "grapheme" }).map((s) => s.replaceAll("\n", ""))),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
        (lines, cuts) => {
          const stream = bytes(lines.map((line) => `${line}\n`).join(""));
          const reader = new LineReader(1_000);
          const got: string[] = [];
          for (let at = 0, i = 0; at < stream.length; i++) {
            const length = cuts[i % cuts.length]!;
            got.push(...reader.push(stream.subarray(at, at + length)));
            at += length;
          }
          expect(got).toEqual(lines);
        },
      ),
    );
  });

  test("holds a line of the limit, and breaks for good beyond it", () => {
    const reader = new LineReader(8);
    expect(reader.push(bytes("12345678\n"))).toEqual(["12345678"]);
    expect(reader.broken).toBe(false);
    expect(reader.push(bytes("a\n123456789\nb\n"))).toEqual(["a"]);
    expect(reader.broken).toBe(true);
    expect(reader.push(bytes("c\n"))).toEqual([]);
  });

  test("a long line that comes byte by byte costs its bytes alone", () => {
    const reader = new LineReader(200_000);
    const piece = bytes("x");
    let early = 0;
    for (let i = 0; i < 200_000; i++) early += reader.push(piece).length;
    expect(early).toBe(0);
    expect(reader.push(bytes("\n"))[0]).toHaveLength(200_000);
  });

  test("keeps no part of the caller's buffer", () => {
    const reader = new LineReader(100);
    const buffer = bytes("abc");
    reader.push(buffer);
    buffer.fill(0x7a);
    expect(reader.push(bytes("\n"))).toEqual(["abc"]);
  });
});
