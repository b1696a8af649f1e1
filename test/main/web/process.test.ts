// `castaway web` as people start it: a process that prints a link and ends when it is told to.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import buildRenderer from "#test/support/app/build-renderer.ts";
import type { WebEvent } from "#contract/web-shell.ts";
import { Child } from "#test/support/child.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const config = mkdtempSync(join(tmpdir(), "castaway-web-process-"));
const children: Child[] = [];
beforeAll(async () => {
  if (!existsSync(join(ROOT, "out/renderer/index.html"))) await buildRenderer();
}, 60_000);
afterEach(async () => void (await Promise.all(children.splice(0).map((child) => child.stop()))));
afterAll(() => rmSync(config, { recursive: true, force: true }));

function web(...words: string[]): Child {
  const child = new Child(
    process.execPath,
    [join(ROOT, "helper/cli/main.ts"), "web", "--no-open", "--json", ...words],
    {
      cwd: "/",
      env: {
        ...process.env,
        XDG_CONFIG_HOME: config,
        CASTAWAY_SOCKET: join(config, "none"),
        SSH_CONNECTION: "",
      },
    },
  );
  children.push(child);
  return child;
}

async function ready(child: Child): Promise<Extract<WebEvent, { type: "ready" }>> {
  return JSON.parse(await child.line(/"ready"/)) as Extract<WebEvent, { type: "ready" }>;
}

test("prints a link that works, and ends when it is told to", async () => {
  const child = web();
  const { url, port } = await ready(child);
  expect(new URL(url).port).toBe(String(port));
  const { status, headers } = await fetch(url, { redirect: "manual" });
  expect([status, headers.get("set-cookie")]).toEqual([303, expect.stringContaining("HttpOnly")]);
  expect((await child.stop("SIGTERM", 5_000)).code).toBe(0);
});

test("Ctrl-C ends it too, with a page open", async () => {
  const child = web();
  const { url } = await ready(child);
  const held = fetch(url, { redirect: "manual", keepalive: true });
  await held;
  expect((await child.stop("SIGINT", 5_000)).code).toBe(0);
});

test("a port that is taken: another one where none was named, a sentence where one was", async () => {
  const { port } = await ready(web());
  const { port: other } = await ready(web());
  expect(other).not.toBe(port);
  const third = web("--port", String(port));
  const { code, stderr } = await third.finished(10_000);
  expect(code).not.toBe(0);
  expect(JSON.parse(stderr)).toMatchObject({
    error: { message: `port ${port} cannot be had (EADDRINUSE)`, remedy: expect.stringContaining("--port") },
  });
});

test("damaged settings are told", async () => {
  mkdirSync(join(config, "castaway"), { recursive: true });
  writeFileSync(join(config, "castaway", "web.json"), "{");
  const child = web();
  await ready(child);
  expect(await child.line(/damaged/)).toContain("set aside");
});
