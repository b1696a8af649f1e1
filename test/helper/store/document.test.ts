import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as v from "valibot";
import { DocumentError, bytesSchema, decodeDocument, encodeDocument } from "#runtime/store/document.ts";
import type { DocumentFormat } from "#runtime/store/document.ts";
import { STATE_FORMAT, initialState } from "#runtime/store/state.ts";
import { fullState } from "./state-fixture.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const decodeText = (text: string) => decodeDocument(STATE_FORMAT, utf8(text));

function errorOf(text: string | Uint8Array): DocumentError {
  try {
    decodeDocument(STATE_FORMAT, typeof text === "string" ? utf8(text) : text);
  } catch (error) {
    if (error instanceof DocumentError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

interface Json {
  [key: string]: unknown;
}
/** The full state's JSON with the value at a path replaced; undefined takes it out. */
function changed(path: string, value: unknown): string {
  const document = JSON.parse(encodeDocument(STATE_FORMAT, fullState())) as Json;
  const keys = path.split(".");
  const last = keys.pop()!;
  const holder = keys.reduce<Json>((at, key) => at[key] as Json, document);
  if (value === undefined) delete holder[last];
  else Object.defineProperty(holder, last, { value, enumerable: true, configurable: true, writable: true });
  return JSON.stringify(document);
}

describe("the state as JSON", () => {
  test.each([
    ["full", fullState()],
    ["initial", initialState(new Uint8Array(32).fill(1))],
  ])("a %s state comes back the same", (_, state) => {
    expect(decodeText(encodeDocument(STATE_FORMAT, state))).toEqual({ value: state });
  });
  test("Buffers are bytes too", () => {
    const state = fullState();
    const machine = { ...state.machine, privateKey: Buffer.from(state.machine.privateKey) };
    expect(decodeText(encodeDocument(STATE_FORMAT, { ...state, machine })).value).toEqual(state);
  });
  test("what could not be read again is not written", () => {
    const state = fullState();
    const wrong = { ...state, settings: { ...state.settings, port: 70_000 } };
    expect(() => encodeDocument(STATE_FORMAT, wrong)).toThrow(/not be readable again: settings.port/);
  });
});

describe("hostile or damaged content is refused with its place", () => {
  const zeros = (length: number) => new Uint8Array(length).toBase64();
  test.each([
    ["value.machine.publicKey", zeros(32), "the two keys do not belong together"],
    ["value.machine.privateKey", zeros(31), "base64 of 32 bytes"],
    ["value.machine.privateKey", "!", "base64 of 32 bytes"],
    ["value.machine.privateKey", "A".repeat(10_000), "<=64"],
    ["value.machine.privateKey", 5, "expected string"],
    ["value.machine", [], "expected"],
    ["value.machine", null, "expected Object"],
    ["value.hosted", undefined, 'expected "hosted"'],
    ["value.hosted.name", "a\u0000b", "clean name"],
    ["value.hosted.name", "é".repeat(21), "clean name"],
    ["value.hosted.plan.prefix4.length", 8.5, "integer"],
    ["value.hosted.plan.prefix4.address", "100.64.4.1", "not a prefix"],
    ["value.hosted.plan.prefix4.address", "fd00::", "cannot get addresses"],
    ["value.hosted.plan.prefix6.address", "FD12:3456:789A::", "canonical"],
    ["value.hosted.plan.prefix6.length", 64, "cannot get addresses"],
    ["value.hosted.plan.prefix6.length", 129, "<=128"],
    ["value.hosted.members.nextNumber", 3, "not below the next number"],
    ["value.hosted.members.nextNumber", 1024, "more members than addresses"],
    ["value.hosted.members.members", [], "the host (member 1) is missing"],
    [
      "value.hosted.members.members.1.publicKey",
      new Uint8Array(32).fill(22).toBase64(),
      "key of another member",
    ],
    ["value.hosted.members.members.0.publicKey", zeros(32), "another machine's key"],
    ["value.hosted.members.members.1.approved", "yes", "expected boolean"],
    ["value.hosted.members.members.1.joinedBy", undefined, "no invite it joined by"],
    ["value.hosted.invites.invites.0.uses", 1, "more often"],
    ["value.hosted.invites.nextSerial", 1, "serial"],
    ["value.hosted.invites.invites", Array(1001).fill(0), "expected"],
    ["value.joined.0.candidates.0.host", "$(reboot)", "no address or host name"],
    ["value.joined.0.extra", 1, "expected never"],
    ["value.__proto__", { polluted: true }, "expected never"],
    ["value.settings.lans.0.name", "../eth0", "name of an interface"],
    ["value.settings.lans.0.mode", "fast", "full"],
    ["value.settings.routes.0.group", { address: "10.0.0.0", length: 8 }, "no range of groups"],
    ["value.settings.routes.0.group", { address: "224.0.0.0", length: 3 }, "no range of groups"],
    ["value.settings.routes.0.source", { address: "fd00::1", length: 128 }, "of different families"],
    ["value.settings.routes.0.toVifs", [], "a join names one source"],
    ["value.settings.routes.1.group", { address: "ff3e::", length: 32 }, "a join names one group"],
    ["value.settings.owners", [-1], ">=0"],
    ["format", "other", "no castaway state file"],
    ["version", 0, ">=1"],
    ["version", "1", "expected number"],
  ])("%s", (path, value, reason) => {
    const error = errorOf(changed(path, value));
    expect(error.code).toBe("damaged");
    expect(error.message).toContain(reason);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });
  test("the same network joined twice", () => {
    const [joined] = fullState().joined;
    const state = { ...fullState(), joined: [joined!, joined!] };
    expect(() => encodeDocument(STATE_FORMAT, state)).toThrow("one joined network twice");
  });
  test.each([
    ["nothing", ""],
    ["half of it", encodeDocument(STATE_FORMAT, fullState()).slice(0, 500)],
    ["zeros", "\0".repeat(4096)],
    ["no UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
    ["a number", "5"],
    ["null", "null"],
    ["five million brackets", "[".repeat(5_000_000)],
    ["deep objects", `${'{"value":'.repeat(100_000)}1${"}".repeat(100_000)}`],
    ["a million elements", `[${"0,".repeat(1_000_000)}0]`],
  ])("%s is damaged", (_, text) => {
    expect(errorOf(text).code).toBe("damaged");
  });
  test("every cut and every changed byte is refused, or is still a sound state", () => {
    const whole = utf8(encodeDocument(STATE_FORMAT, fullState()));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bytes = whole.slice();
        bytes[at]! ^= flip;
        for (const damaged of [bytes, whole.slice(0, at)]) {
          try {
            const { value } = decodeDocument(STATE_FORMAT, damaged);
            expect(() => encodeDocument(STATE_FORMAT, value)).not.toThrow();
          } catch (error) {
            expect(error).toBeInstanceOf(DocumentError);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
  test("a reason never quotes the file, which holds keys", () => {
    const secret = "c2VjcmV0c2VjcmV0";
    const texts = [
      `{"psk":"${secret}" oops`,
      changed("value.machine.privateKey", secret),
      changed("value.machine.privateKey", [secret]),
      changed("value.joined.0.psk", secret),
      changed("value.settings.lans.0.name", `${secret}/`),
      changed("format", secret),
      changed("value.hosted", secret),
      changed("value.settings.lans.0.mode", secret),
    ];
    for (const text of texts) expect(errorOf(text).message).not.toContain(secret);
  });
});

describe("versions", () => {
  const format: DocumentFormat<{ key: Uint8Array; names: string[] }> = {
    name: "thing",
    version: 3,
    schema: v.strictObject({ key: bytesSchema(2), names: v.array(v.string()) }),
    migrations: new Map<number, (old: unknown) => unknown>([
      [1, (old) => ({ ...v.parse(v.object({ name: v.string() }), old), key: "AAE=" })],
      [
        2,
        (old) => {
          const { name, ...rest } = v.parse(v.object({ name: v.string(), key: v.string() }), old);
          return { ...rest, names: [name] };
        },
      ],
    ]),
  };
  const file = (version: number, value: unknown) => utf8(JSON.stringify({ format: "thing", version, value }));

  test("an old one is brought up to date, step by step", () => {
    expect(decodeDocument(format, file(1, { name: "a" }))).toEqual({
      value: { key: Uint8Array.of(0, 1), names: ["a"] },
      migratedFrom: 1,
    });
  });
  test("the current one is not touched", () => {
    const value = { key: Uint8Array.of(1, 2), names: ["a"] };
    expect(decodeDocument(format, utf8(encodeDocument(format, value)))).toEqual({ value });
  });
  test("a step that fails, or is missing, is damage", () => {
    expect(() => decodeDocument(format, file(1, { nome: "a" }))).toThrow("cannot be brought up to date");
    const gap = { ...format, migrations: new Map() };
    expect(() => decodeDocument(gap, file(2, {}))).toThrow("there was no version 2");
  });
  test("a newer one is not called damaged", () => {
    expect(() => decodeDocument(format, file(4, {}))).toThrow("version 4, where 3 is known");
    expect(errorOf(changed("version", STATE_FORMAT.version + 1)).code).toBe("newer-version");
  });
});
