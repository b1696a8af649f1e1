import { describe, expect, test } from "vitest";
import { DecodeError } from "#wire/cursor.ts";
import { decodeMeet, decodePunch, encodeMeet, encodePunch } from "#wire/meet.ts";
import { MAX_MEET_PAYLOAD, MIN_REQUEST } from "#wire/meet-message.ts";
import { decodePathList, encodePathList, MAX_LISTED_PATHS } from "#wire/path-list.ts";
import { MEET_MESSAGES } from "./fuzz-meet-targets.ts";
import { corrupted, expectRoundTrip } from "./round-trip.ts";

describe("a meeting point's messages", () => {
  test.each(MEET_MESSAGES.map((message) => [message.kind, message] as const))("%s", (_kind, message) => {
    expectRoundTrip(message, encodeMeet, decodeMeet);
  });

  test("what a stranger may ask is longer than any answer to a stranger", () => {
    const length = (kind: string): number[] =>
      MEET_MESSAGES.filter((message) => message.kind === kind).map((message) => encodeMeet(message).length);
    for (const kind of ["hello", "register", "call", "relay-ask", "bind"])
      for (const bytes of length(kind)) expect(bytes).toBeGreaterThanOrEqual(MIN_REQUEST);
    for (const kind of ["welcome", "refused", "relay", "bind-status"])
      for (const bytes of length(kind)) expect(bytes).toBeLessThanOrEqual(MIN_REQUEST);
  });

  test("a request that is cut short, or grown, or padded with anything is refused", () => {
    const hello = encodeMeet(MEET_MESSAGES[0]!);
    expect(() => decodeMeet(hello.subarray(0, -1))).toThrow(DecodeError);
    expect(() => decodeMeet(new Uint8Array([...hello, 0]))).toThrow(DecodeError);
    expect(() => decodeMeet(corrupted(hello, { 50: 1 }))).toThrow(DecodeError);
  });

  test("payloads have a limit", () => {
    const call = MEET_MESSAGES.find((message) => message.kind === "call")!;
    const largest = { ...call, payload: new Uint8Array(MAX_MEET_PAYLOAD) };
    expectRoundTrip(largest, encodeMeet, decodeMeet);
    expect(() => encodeMeet({ ...call, payload: new Uint8Array(MAX_MEET_PAYLOAD + 1) })).toThrow(RangeError);
  });
});

test("a datagram that opens a hole", () => {
  const token = Uint8Array.from({ length: 16 }, (_, i) => i);
  expect(decodePunch(encodePunch(token))).toEqual(token);
  expect(decodePunch(encodePunch(token).subarray(1))).toBeUndefined();
  expect(decodePunch(corrupted(encodePunch(token), { 2: 1 }))).toBeUndefined();
});

describe("a list of paths", () => {
  const path = { kind: "own", address: "192.0.2.1", port: 7 } as const;

  test("goes both ways, and what a later version adds is left", () => {
    const paths = [path, { kind: "observed", address: "2001:db8::1", port: 9 } as const];
    expectRoundTrip(paths, encodePathList, decodePathList);
    const later = corrupted(new Uint8Array([...encodePathList(paths), 1, 2, 3]), { 0: 2, 2: 200 });
    expect(decodePathList(later)).toEqual(paths);
  });

  test("has a limit", () => {
    const many = Array.from({ length: MAX_LISTED_PATHS + 1 }, () => path);
    expect(() => encodePathList(many)).toThrow(RangeError);
    expect(() => decodePathList(corrupted(encodePathList([path]), { 1: 13 }))).toThrow(DecodeError);
  });
});
