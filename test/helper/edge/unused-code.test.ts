import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { releaseUnusedCode } from "#edge/linux/unused-code.ts";

/** Bytes of files that are mapped and in memory. */
const resident = (): number =>
  Number(/RssFile:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]) * 1024;

test("machine code that only the start needed leaves memory, and what is needed comes back", () => {
  const before = resident();
  expect(releaseUnusedCode()).toBeGreaterThan(10 << 20);
  expect(resident()).toBeLessThan(before);
  expect(JSON.parse('{"still": ["here"]}')).toEqual({ still: ["here"] });
});
