import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fakeGroup } from "../../support/app/fake-state.ts";
import { TestWebShell } from "./web-client.ts";

let shell: TestWebShell;
let now: number;
let cookie: string;
beforeEach(async () => {
  now = 0;
  shell = await new TestWebShell({ now: () => now }).start();
  cookie = await shell.signIn();
});
afterEach(() => shell.stop());

test("a page sees the state and its changes", async () => {
  const page = shell.socket({ cookie, "accept-language": "de-AT,de;q=0.9" });
  await page.opened;
  page.ask(1, "watch");
  expect(await page.message(({ id }) => id === 1)).toMatchObject({
    ok: true,
    result: { seq: 0, state: { shell: { kind: "web", languages: ["de-AT", "de"] } } },
  });
  page.ask(2, "settings.set", { theme: "dark" });
  expect(await page.message(({ type }) => type === "changes")).toMatchObject({
    seq: 1,
    changes: { settings: { theme: "dark" } },
  });
  expect(await page.message(({ id }) => id === 2)).toMatchObject({ ok: true, result: { theme: "dark" } });
});

test("what one page changes, another one sees", async () => {
  const [one, two] = [shell.socket({ cookie }), shell.socket({ cookie: await shell.signIn() })];
  await Promise.all([one.opened, two.opened]);
  two.ask(1, "watch");
  await two.message(({ id }) => id === 1);
  one.ask(1, "settings.set", { language: "ar" });
  expect(await two.message(({ type }) => type === "changes")).toMatchObject({
    changes: { settings: { language: "ar" } },
  });
});

describe("refused before it opens", () => {
  test.each<[string, Record<string, string>]>([
    ["a foreign page", { origin: "https://evil.example" }],
    ["a page of another port", { origin: "http://127.0.0.1:1" }],
    ["a page of another scheme", { origin: "https://127.0.0.1" }],
    ["a sandboxed page", { origin: "null" }],
    ["a foreign name that both headers agree on", { origin: "http://evil.example", host: "evil.example" }],
  ])("%s", async (_, headers) => {
    const page = shell.socket({ cookie, ...headers });
    await expect(page.opened).rejects.toThrow("403");
  });

  test("a program without Origin", async () => {
    const raw = shell.raw();
    raw.write(
      `GET /socket HTTP/1.1\r\nHost: ${shell.host}\r\nCookie: ${cookie}\r\nConnection: Upgrade\r\n` +
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    const [data] = (await once(raw, "data")) as [Buffer];
    expect(String(data)).toMatch(/^HTTP\/1\.1 403 /);
  });

  test("another path", async () => {
    await expect(shell.socket({ cookie }, "/other").opened).rejects.toThrow("404");
  });
});

describe("told that the session is over, so that the page does not try again", () => {
  test.each<[string, () => Record<string, string>]>([
    ["without a cookie", () => ({})],
    ["with one of an earlier run", () => ({ cookie: `castaway_${shell.port}=${"A".repeat(43)}` })],
  ])("%s", async (_, headers) => {
    const { code, reason } = await shell.socket(headers()).closed;
    expect([code, reason]).toEqual([4401, expect.stringContaining("Run castaway web again")]);
  });

  test("after a long time in which nobody did anything, although the page was open", async () => {
    const page = shell.socket({ cookie });
    await page.opened;
    now = 59_000;
    page.ask(1, "history"); // somebody does something
    await page.message(({ id }) => id === 1);
    now = 118_000;
    shell.server.check();
    expect(shell.idle).toBe(false);
    now = 119_001;
    shell.server.check();
    expect((await page.closed).code).toBe(4401);
    expect(shell.idle).toBe(true);
    expect((await shell.get("/", { cookie })).status).toBe(403);
  });

  test("when castaway web ends", async () => {
    const page = shell.socket({ cookie });
    await page.opened;
    shell.server.close("Castaway was closed.");
    expect(await page.closed).toEqual({ code: 4401, reason: "Castaway was closed." });
  });

  test("with a reason that fits a close frame, whatever its length", async () => {
    const page = shell.socket({ cookie });
    await page.opened;
    shell.server.close("ü".repeat(500));
    expect(await page.closed).toEqual({ code: 4401, reason: "ü".repeat(61) });
  });

  test("by the ninth browser: the one least used is", async () => {
    const page = shell.socket({ cookie });
    await page.opened;
    for (let i = 0; i < 8; i++) await shell.signIn();
    expect((await page.closed).code).toBe(4401);
  });
});

describe("bounds", () => {
  test("a message of 10 MB ends the connection, and nothing else", async () => {
    const [bad, good] = [shell.socket({ cookie }), shell.socket({ cookie })];
    await Promise.all([bad.opened, good.opened]);
    bad.socket.send("x".repeat(10_000_000));
    expect((await bad.closed).code).not.toBe(4401); // the page may come back
    good.ask(1, "history");
    expect(await good.message(({ id }) => id === 1)).toMatchObject({ ok: true });
  });

  test("malformed JSON and bytes are answered, and end it when they go on", async () => {
    const page = shell.socket({ cookie });
    await page.opened;
    page.socket.send("{");
    page.socket.send(new Uint8Array([1, 2, 3]));
    expect(await page.message(({ ok }) => ok === false)).toMatchObject({
      id: 0,
      error: { code: "bad-request" },
    });
    for (let i = 0; i < 20; i++) page.socket.send("{");
    expect((await page.closed).code).toBe(4401);
  });

  test("too many pages: the last one is asked to come later", async () => {
    const pages = Array.from({ length: 33 }, () => shell.socket({ cookie }));
    const first = await Promise.race(pages.map(({ closed }) => closed));
    expect(first.code).toBe(1013);
  });

  test("a thousand connections that say nothing do not keep a browser out", async () => {
    const page = shell.socket({ cookie });
    await page.opened;
    const idle = Array.from({ length: 1_000 }, () => shell.raw());
    await Promise.all(idle.map((socket) => Promise.race([once(socket, "connect"), once(socket, "close")])));
    expect((await shell.get("/", { cookie })).status).toBe(200);
    page.ask(1, "history"); // who was in stays in
    expect(await page.message(({ id }) => id === 1)).toMatchObject({ ok: true });
    for (const socket of idle) socket.destroy();
  });

  test("a page that does not read costs no more than a bound, and has the whole once it reads", async () => {
    const page = shell.socket({ cookie });
    await page.opened;
    page.ask(1, "watch");
    await page.message(({ id }) => id === 1);
    page.socket.pause();
    const groups = Array.from({ length: 500 }, (_, i) => fakeGroup(i));
    const size = JSON.stringify(groups).length;
    for (let second = 0; second < 200; second++) {
      shell.core.dispatch({ snapshot: { groups: groups.map((group) => ({ ...group, rateBps: second })) } });
      await new Promise((resolve) => setImmediate(resolve));
    }
    page.socket.resume();
    // The gap that it is told of: a number beyond the last one that there is.
    const { seq } = await page.message<{ seq: number }>((message) => message.seq > shell.core.seq);
    expect(seq).toBe(shell.core.seq + 1);
    const changes = page.messages.length - 2;
    // The bound, and what the kernel takes: a fraction of all that there was to tell.
    expect(changes * size).toBeLessThan(16_000_000);
    expect(200 * size).toBeGreaterThan(32_000_000);
    page.ask(2, "watch");
    expect(await page.message(({ id }) => id === 2)).toMatchObject({
      result: { seq: shell.core.seq, state: { snapshot: { groups: groups.map(() => ({ rateBps: 199 })) } } },
    });
  });

  test("a page that goes away unheard is noticed", async () => {
    const page = shell.socket({ cookie });
    await page.opened;
    page.socket.pause(); // it answers no ping
    for (now of [31_000, 62_000]) shell.server.check();
    page.socket.resume();
    expect((await page.closed).code).toBe(1006);
  });
});
