import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PreloadApi } from "#main/contract/preload-api.ts";
import { buildMain } from "../../../main/build.ts";

let root: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "castaway-built-"));
  await buildMain(join(root, "out/main"));
});
afterAll(() => rmSync(root, { recursive: true }));

test("the main process is one file that needs Node and Electron, and nothing else", () => {
  const text = readFileSync(join(root, "out/main/main.mjs"), "utf8");
  const imported = [...text.matchAll(/^import .*?from "([^"]+)";$/gm)].map(([, name]) => name ?? "");
  const strange = imported.filter(
    (name) => name !== "electron" && !builtinModules.includes(name.replace("node:", "")),
  );
  expect(imported).toContain("electron");
  expect(strange).toEqual([]);
});

test("it starts: a window, the interface, and a tray that says that no service is there", () => {
  mkdirSync(join(root, "out/renderer"), { recursive: true });
  writeFileSync(join(root, "out/renderer/index.html"), "<!doctype html>");
  const before = pathToFileURL(join(import.meta.dirname, "stand-in-process.ts")).href;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--import", before, join(root, "out/main/main.mjs"), "--lang=en"],
    {
      encoding: "utf8",
      timeout: 30_000,
      env: {
        PATH: "/nowhere",
        HOME: root,
        CASTAWAY_TEST_FOLDER: root,
        CASTAWAY_SOCKET: join(root, "none.sock"),
      },
    },
  );
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const { labels, url, status: page } = JSON.parse(stdout) as Record<string, unknown>;
  expect(url).toBe("app://castaway/index.html");
  expect(page).toBe(200);
  // Which of the two, the service manager of this computer says.
  expect((labels as string[])[0]).toMatch(/^The service is not (running|installed)$/);
  expect((labels as string[])[2]).toMatch(/^(Start|Install) the service$/);
  expect(labels).toEqual(expect.arrayContaining(["Open Castaway", "Quit"]));
});

test("the preload script is CommonJS, and lets text through and nothing else", () => {
  const text = readFileSync(join(root, "out/main/preload.cjs"), "utf8");
  expect(text.split("\n").length).toBeLessThan(30);
  const sent: unknown[][] = [];
  const world: Record<string, unknown> = {};
  let receive: (event: unknown, text: unknown) => void = () => {};
  runInNewContext(text, {
    module: {},
    exports: {},
    require: (name: string) => {
      if (name !== "electron") throw new Error(`a sandboxed preload script has no ${name}`);
      return {
        contextBridge: { exposeInMainWorld: (key: string, api: unknown) => (world[key] = api) },
        ipcRenderer: {
          send: (...words: unknown[]) => sent.push(words),
          on: (_channel: string, handler: typeof receive) => (receive = handler),
        },
      };
    },
  });
  expect(Object.keys(world)).toEqual(["castaway"]);
  const api = world["castaway"] as PreloadApi;
  expect(Object.keys(api)).toEqual(["send", "onMessage"]);
  receive({}, "early");
  const heard: string[] = [];
  api.onMessage((message) => heard.push(message));
  receive({ sender: "secret" }, "text");
  receive({}, { not: "text" });
  expect(heard).toEqual(["text"]);
  api.send("hello");
  (api.send as (value: unknown) => void)({ toString: () => "text" });
  expect(sent).toEqual([
    ["castaway", "hello"],
    ["castaway", "text"],
  ]);
});
