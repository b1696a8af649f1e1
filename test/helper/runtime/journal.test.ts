import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, openSync } from "node:fs";
import { expect, test } from "vitest";
import { isJournal } from "#runtime/journal.ts";

const stat = () => ({ dev: 9n, ino: 18_446_744_073_709_551_615n });

test.each([
  ["9:18446744073709551615", true],
  ["9:1", false],
  ["8:18446744073709551615", false],
  ["9:18446744073709551615 ", false],
  ["9", false],
  ["", false],
  [undefined, false],
])("JOURNAL_STREAM=%s leads to the journal: %s", (stream, journal) => {
  expect(isJournal(stream, 2, stat)).toBe(journal);
});

test("the descriptor's own numbers are looked at, and a closed one is no journal", () => {
  const fd = openSync("/dev/null", "w");
  const { dev, ino } = fstatSync(fd, { bigint: true });
  expect(isJournal(`${dev}:${ino}`, fd)).toBe(true);
  expect(isJournal(`${dev}:${ino + 1n}`, fd)).toBe(false);
  closeSync(fd);
  const gone = spawnSync(
    process.execPath,
    [
      "-e",
      `import(${JSON.stringify(import.meta.resolve("#runtime/journal.ts"))}).then(({ isJournal }) => {
        require("node:fs").closeSync(2);
        console.log(isJournal("1:2", 2));
      })`,
    ],
    { encoding: "utf8" },
  );
  expect(gone.stdout).toBe("false\n");
});
