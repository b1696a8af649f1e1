import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildExecutable } from "../../../helper/build.ts";

const folder = mkdtempSync(join(tmpdir(), "castaway-executable-"));
const output = join(folder, "program");

const renderer = join(folder, "renderer");

beforeAll(async () => {
  mkdirSync(join(renderer, "assets"), { recursive: true });
  writeFileSync(join(renderer, "index.html"), "<!doctype html>");
  writeFileSync(join(renderer, "assets/index-abc.js"), "made('up');");
  const parts = join(import.meta.dirname, "executable");
  await buildExecutable({
    main: join(parts, "main.ts"),
    renderer,
    workers: { echo: join(parts, "worker.ts") },
    output,
  });
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("one file carries the program, its worker, koffi's machine code and the interface", () => {
  // Nothing around it: no node_modules, no PATH, no environment.
  const answer = JSON.parse(execFileSync(output, [], { cwd: "/", env: {}, encoding: "utf8" })) as Record<
    string,
    unknown
  >;
  expect(answer).toEqual({
    own: answer["own"],
    main: answer["own"],
    worker: answer["own"],
    greeting: "hello from a worker",
    files: [
      ["/", "text/html; charset=utf-8", "<!doctype html>"],
      ["/assets/index-abc.js", "text/javascript; charset=utf-8", "made('up');"],
      ["/index.html", "text/html; charset=utf-8", "<!doctype html>"],
    ],
  });
  expect(answer["own"]).toBeTypeOf("number");
});

test("the build leaves that file alone behind, and running it leaves nothing", () => {
  expect(readdirSync(folder)).toEqual(["program", "renderer"]);
  const runtime = mkdtempSync(join(tmpdir(), "castaway-runtime-"));
  try {
    execFileSync(output, [], { env: { RUNTIME_DIRECTORY: runtime } });
    expect(readdirSync(runtime)).toEqual([]);
  } finally {
    rmSync(runtime, { recursive: true });
  }
});

test("NODE_OPTIONS does not reach it", () => {
  const text = execFileSync(output, [], {
    env: { NODE_OPTIONS: "--this-option-does-not-exist" },
    encoding: "utf8",
  });
  expect(text).toContain("hello from a worker");
});
