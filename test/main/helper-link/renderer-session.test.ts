import { beforeEach, describe, expect, test } from "vitest";
import { ControlError } from "#contract/errors.ts";
import { AppCore } from "#main/app/app-core.ts";
import { decodeShellMessage, MAX_REQUEST_CHARACTERS, type ShellMessage } from "#main/contract/messages.ts";
import { RendererSession, type SessionParts } from "#main/helper-link/renderer-session.ts";
import type { ShellCalls } from "#main/helper-link/shell-calls.ts";
import { fakeState } from "../../support/app/fake-state.ts";

let core: AppCore;
let sent: ShellMessage[];
let ended: string[];
let unread: number;
let now: number;
let answer: (name: string, params: Record<string, unknown>) => Promise<unknown>;
let session: RendererSession;

beforeEach(() => {
  core = new AppCore(fakeState());
  sent = [];
  ended = [];
  unread = 0;
  now = 0;
  answer = async (name, params) => ({ name, params });
  session = open();
});

function open(changes: Partial<SessionParts> = {}): RendererSession {
  const calls = { core, answer: (name: string, params: Record<string, unknown>) => answer(name, params) };
  return new RendererSession({
    calls: calls as unknown as ShellCalls, // its two public parts that a session uses
    send: (text) => {
      const message = decodeShellMessage(text);
      if (!message) throw new Error(`no message of the contract: ${text.slice(0, 200)}`);
      sent.push(message);
    },
    end: (reason) => ended.push(reason),
    unread: () => unread,
    now: () => now,
    ...changes,
  });
}

const ask = (id: number, call: string, params: object = {}): void =>
  session.receive(JSON.stringify({ id, call, params }));
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const theme = (name: "light" | "dark"): void =>
  core.dispatch({ settings: { ...core.state.settings, theme: name } });

test("a call is answered by its number", async () => {
  ask(7, "history");
  await settled();
  expect(sent).toEqual([{ type: "response", id: 7, ok: true, result: { name: "history", params: {} } }]);
});

test("an error of ours comes as it is, one of the program's with what it says", async () => {
  answer = () => Promise.reject(new ControlError("conflict", "It is taken.", "Choose another."));
  ask(1, "play");
  answer = () => Promise.reject(new TypeError("x is undefined"));
  ask(2, "play");
  await settled();
  expect(sent).toEqual([
    {
      type: "response",
      id: 1,
      ok: false,
      error: { code: "conflict", message: "It is taken.", remedy: "Choose another." },
    },
    {
      type: "response",
      id: 2,
      ok: false,
      error: { code: "internal", message: "Something in Castaway failed: x is undefined", remedy: null },
    },
  ]);
});

test("the whole first, then numbered changes; nothing before it was asked for", () => {
  theme("dark");
  expect(sent).toEqual([]);
  ask(1, "watch");
  theme("light");
  const [whole, change] = sent;
  expect(whole).toMatchObject({
    id: 1,
    ok: true,
    result: { seq: 1, state: { settings: { theme: "dark" } } },
  });
  expect(change).toMatchObject({ type: "changes", seq: 2, changes: { settings: { theme: "light" } } });
});

test("each renderer has its own languages", () => {
  session = open({ shell: { languages: ["ar"] } });
  ask(1, "watch");
  expect(sent[0]).toMatchObject({ result: { state: { shell: { kind: "web", languages: ["ar"] } } } });
});

describe("nonsense", () => {
  test.each([
    ["no JSON", "{"],
    ["no object", "7"],
    ["no number", '{"call":"watch","params":{}}'],
    ["a negative number", '{"id":-1,"call":"watch","params":{}}'],
    ["no parameters", '{"id":1,"call":"watch"}'],
    ["parameters that are a number", '{"id":1,"call":"watch","params":7}'],
    ["a foreign field", '{"id":1,"call":"watch","params":{},"more":1}'],
    ["a call of 65 characters", `{"id":1,"call":"${"x".repeat(65)}","params":{}}`],
    ["ten megabytes", `{"id":1,"call":"watch","params":{"x":"${"x".repeat(10_000_000)}"}}`],
    ["one character too many", " ".repeat(MAX_REQUEST_CHARACTERS + 1)],
    ["nothing", ""],
  ])("%s is answered with a refusal", (_, text) => {
    session.receive(text);
    expect(sent).toEqual([
      {
        type: "response",
        id: 0,
        ok: false,
        error: { code: "bad-request", message: "This is no request.", remedy: null },
      },
    ]);
    expect(ended).toEqual([]);
  });

  test("twenty of it end the session", () => {
    for (let i = 0; i < 30; i++) session.receive("{");
    expect(ended).toHaveLength(1);
    expect(sent).toHaveLength(20);
  });
});

describe("too much", () => {
  test("of calls at one time: busy, until some are answered", async () => {
    const waiting: (() => void)[] = [];
    answer = () => new Promise<void>((resolve) => waiting.push(resolve));
    for (let i = 1; i <= 65; i++) ask(i, "history");
    await settled();
    expect(sent).toMatchObject([{ id: 65, ok: false, error: { code: "busy" } }]);
    for (const resolve of waiting) resolve();
    await settled();
    ask(66, "history");
    expect(waiting).toHaveLength(65);
  });

  test("of calls a second: the session is over; at fifty a second it is not", async () => {
    for (let i = 0; i < 1_000; i++) {
      now += 20;
      ask(i, "history");
      await Promise.resolve();
    }
    expect(ended).toEqual([]);
    for (let i = 0; i < 201; i++) ask(i, "history");
    expect(ended).toHaveLength(1);
    await settled();
    sent = [];
    ask(1, "history");
    theme("dark");
    await settled();
    expect(sent).toEqual([]);
  });
});

describe("a reader that is too slow", () => {
  const MUCH = 5_000_000;

  test("is sent nothing more, and asks for the whole once it has read", () => {
    ask(1, "watch");
    unread = MUCH;
    for (let i = 0; i < 100; i++) theme(i % 2 === 0 ? "dark" : "light");
    expect(sent).toHaveLength(1);
    session.drained();
    expect(sent).toHaveLength(1); // not yet
    unread = 0;
    session.drained();
    expect(sent).toHaveLength(2);
    const gap = sent[1] as Extract<ShellMessage, { type: "changes" }>;
    expect(gap.seq).toBeGreaterThan(1); // the renderer has 0: there is a gap before this number
    ask(2, "watch");
    theme("dark");
    expect(sent.slice(2)).toMatchObject([{ result: { seq: 100 } }, { type: "changes", seq: 101 }]);
  });

  test("sees the gap also where one change alone was left out", () => {
    ask(1, "watch");
    unread = MUCH;
    theme("dark");
    unread = 0;
    session.drained();
    expect(sent[1]).toMatchObject({ type: "changes", seq: 2 });
  });

  test("hears no later change before it has asked: it would have a gap that nobody told it of", () => {
    ask(1, "watch");
    unread = MUCH;
    theme("dark");
    unread = 0;
    theme("light");
    expect(sent).toHaveLength(1);
    session.drained();
    expect(sent).toHaveLength(2);
  });

  test("that goes on asking is told that it reads too slowly, and is shown out in the end", async () => {
    unread = MUCH;
    ask(1, "watch");
    ask(2, "history");
    await settled();
    expect(sent).toMatchObject([
      { id: 1, ok: false, error: { code: "busy" } },
      { id: 2, ok: false, error: { code: "busy" } },
    ]);
    unread = 2 * MUCH;
    ask(3, "history");
    expect(ended).toHaveLength(1);
  });
});

test("a closed session says nothing, whatever is still under way", async () => {
  let finish = (): void => {};
  answer = () => new Promise<void>((resolve) => (finish = resolve));
  ask(1, "watch");
  ask(2, "history");
  sent = [];
  session.close();
  finish();
  theme("dark");
  await settled();
  expect(sent).toEqual([]);
});
