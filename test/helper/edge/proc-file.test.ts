import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ProcFile } from "#edge/linux/proc-file.ts";

const folder = mkdtempSync(join(tmpdir(), "castaway-proc-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a file that is looked at again and again says whether it has changed", () => {
  const path = join(folder, "igmp");
  const file = new ProcFile(path);
  expect(file.refresh()).toBe(false); // not there: as if it were empty
  const long = "0123456789".repeat(2_000);
  for (const text of ["one\n", "two\n", long, "", `${long}x`, "café\xff"]) {
    writeFileSync(path, text, "latin1");
    expect(file.refresh()).toBe(true);
    expect(file.text).toBe(text);
    expect(file.refresh()).toBe(false);
    expect(file.text).toBe(text);
  }
  rmSync(path);
  expect(file.refresh()).toBe(true);
  expect(file.text).toBe("");
});

test("what is there and cannot be read is an error", () => {
  expect(() => new ProcFile(folder).refresh()).toThrow("EISDIR");
});
