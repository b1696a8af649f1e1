import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { electronFolder, stageDesktop } from "#packaging/desktop.ts";
import { release } from "#packaging/release.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "castaway-desktop-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test.skipIf(process.platform !== "linux")(
  "Electron's folder is the one that is named, if Electron is in it",
  () => {
    const named = { ELECTRON_OVERRIDE_DIST_PATH: folder };
    expect(electronFolder(named)).toBe(electronFolder({}));
    writeFileSync(join(folder, "electron"), "");
    expect(electronFolder(named)).toBe(folder);
  },
);

test("what was staged before is gone, and links lead into the app's folder", async () => {
  mkdirSync(join(folder, "package/deb/usr/bin"), { recursive: true });
  writeFileSync(join(folder, "package/deb/usr/bin/castaway-of-yesterday"), "");
  const before = process.umask(0o077);
  try {
    await stageDesktop(join(folder, "package"), release({ SOURCE_DATE_EPOCH: "1700000000" }));
  } finally {
    process.umask(before);
  }
  const bin = join(folder, "package/deb/usr/bin");
  expect(readdirSync(bin).sort()).toEqual(["castaway", "castaway-desktop"]);
  expect(readlinkSync(join(bin, "castaway"))).toBe("/opt/Castaway/resources/castaway");
  expect(readlinkSync(join(bin, "castaway-desktop"))).toBe("/opt/Castaway/castaway-desktop");
  const unit = statSync(join(folder, "package/rpm/usr/lib/systemd/system/castaway.service"));
  expect({ mode: unit.mode & 0o777, time: unit.mtimeMs }).toEqual({ mode: 0o644, time: 1_700_000_000_000 });
  expect(readdirSync(join(folder, "package/licences"))).toEqual(["THIRD-PARTY.txt"]);
  for (const format of ["deb", "rpm"])
    expect(readdirSync(join(folder, "package", format, "usr/share/doc/castaway")).sort()).toEqual([
      "THIRD-PARTY.txt.gz",
      "copyright",
      "examples",
    ]);
  expect(statSync(bin).mode & 0o777).toBe(0o755);
  expect(readdirSync(join(folder, "package/rpm/usr/share/zsh"))).toEqual(["site-functions"]);
});
