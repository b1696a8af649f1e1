import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "castaway-check-"));
const file = join(folder, "routes.conf");
afterAll(() => rmSync(folder, { recursive: true }));

test("a file without mistakes", async () => {
  writeFileSync(
    file,
    "phyint eth0\nmgroup from eth0 group 225.1.2.3\nmroute from eth0 group 225.1.2.3 to peer-+\n",
  );
  const { code, out, daemon } = await run(["check-config", file]);
  expect([code, daemon]).toEqual([0, undefined]);
  expect(out).toContain(`${file} can be used: joins 1, routes 1, interfaces 1.`);
});

test("mistakes are told with their lines, without control codes of theirs, and the exit code says so", async () => {
  writeFileSync(file, "phyint eth0 mrdisc\nnonsense\u001b[2J\nmgroup from eth0\n");
  const { code, out } = await run(["check-config", file]);
  expect(code).toBe(1);
  expect(out).toContain(`warning: ${file}:1: mrdisc`);
  expect(out).toContain(`error: ${file}:3: mgroup needs group`);
  expect(out).toContain("2 mistakes");
  expect(out).not.toContain("\u001b");
  const json = await run(["check-config", file, "--json"]);
  expect(json.code).toBe(1);
  const report = JSON.parse(json.out) as { ok: boolean; problems: { line: number; severity: string }[] };
  expect(report.ok).toBe(false);
  expect(report.problems.map(({ line }) => line)).toEqual(expect.arrayContaining([1, 2, 3]));
});

test("no file", async () => {
  const { code, out } = await run(["check-config", join(folder, "none")]);
  expect(code).toBe(1);
  expect(out).toContain("is not there");
});
