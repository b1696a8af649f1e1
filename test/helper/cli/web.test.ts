import { expect, test } from "vitest";
import type { WebEvent } from "#contract/web-shell.ts";
import { run } from "./run.ts";

const URL = "http://127.0.0.1:42271/?token=abc";
const READY: WebEvent = { type: "ready", url: URL, port: 42_271 };

test("what it is started with where nothing is said", async () => {
  expect((await run(["web"])).web).toEqual({
    port: undefined,
    open: true,
    idleMinutes: 240,
    socket: undefined,
    version: "0.1.0",
  });
});

test("each option", async () => {
  const { web } = await run(["web", "--port", "8080", "--no-open", "--idle", "0", "--socket", "/x"]);
  expect(web).toEqual({ port: 8080, open: false, idleMinutes: 0, socket: "/x", version: "0.1.0" });
});

test.each([
  ["--port", "0"],
  ["--port", "65536"],
  ["--port", "http"],
  ["--idle", "-1"],
  ["--idle", "1h"],
])("%s %s is refused", async (option, value) => {
  const { code, err, web } = await run(["web", option, value]);
  expect([code, web]).toEqual([2, undefined]);
  expect(err).toContain("It is a whole number from");
});

test("prints the link, and what to do with it", async () => {
  const events: WebEvent[] = [READY, { type: "note", text: "A word." }, { type: "link", url: `${URL}2` }];
  const { code, out } = await run(["web"], { webEvents: events });
  expect([code, out.split("\n")]).toEqual([
    0,
    [
      `Castaway is open here: ${URL}`,
      "The link works once, in one browser.",
      "A word.",
      `Another link: ${URL}2`,
      "",
    ],
  ]);
  const onTerminal = await run(["web"], { webEvents: [READY], tty: true });
  expect(onTerminal.out).toContain("Ctrl-C ends");
});

test("--json: a line each", async () => {
  const { out } = await run(["web", "--json"], { webEvents: [READY] });
  expect(JSON.parse(out)).toEqual(READY);
});

test("a port that cannot be had is a failure with a remedy", async () => {
  const failed: WebEvent = {
    type: "failed",
    message: "port 80 cannot be had (EACCES)",
    remedy: "Choose another.",
  };
  const { code, err } = await run(["web"], { webEvents: [failed] });
  expect(code).not.toBe(0);
  expect(err).toBe("castaway: port 80 cannot be had (EACCES)\n  Choose another.\n");
});
