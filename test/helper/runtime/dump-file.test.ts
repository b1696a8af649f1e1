import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DumpFile } from "#runtime/dump-file.ts";
import { RingLog } from "#runtime/log.ts";
import { temporaryFolder } from "./computer.ts";

test("the dump is beside the control socket, whole, its owner's alone, and the log says where", async () => {
  const folder = temporaryFolder();
  const log = new RingLog("info", () => {}, false);
  let times = 0;
  const dump = new DumpFile({
    socketPath: join(folder, "control.sock"),
    text: () => `dump ${++times}\n`,
    log,
  });
  await Promise.all([dump.write(), dump.write()]); // two signals at once
  await dump.write();
  const path = join(folder, "castaway.dump");
  expect(readFileSync(path, "utf8")).toBe("dump 2\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(log.lines().at(-1)).toMatchObject({ message: "the dump was written", fields: { file: path } });
});

test("where it cannot be written, that is logged", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "castaway.dump"));
  const log = new RingLog("info", () => {}, false);
  await new DumpFile({ socketPath: join(folder, "control.sock"), text: () => "", log }).write();
  expect(log.lines().at(-1)).toMatchObject({ level: "error", message: "the dump could not be written" });
});
