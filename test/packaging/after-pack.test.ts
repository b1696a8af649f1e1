import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AfterPackContext } from "electron-builder";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import afterPack, { examine, packedApp } from "#packaging/after-pack.ts";
import { wrongFuses } from "#packaging/fuses.ts";
import { APP_FILES, packedFolder } from "./packed-folder.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "castaway-packed-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** What afterPack reads of it. */
const context = (platform: string): AfterPackContext =>
  ({
    electronPlatformName: platform,
    appOutDir: folder,
    packager: { appInfo: { productFilename: "Castaway" }, config: { executableName: "castaway-desktop" } },
  }) as unknown as AfterPackContext;

describe("afterPack", () => {
  test.each(["linux", "win32"] as const)(
    "a complete folder for %s passes, and has its fuses set",
    async (platform) => {
      const app = await packedFolder(folder, platform);
      expect(packedApp(context(platform))).toEqual(app);
      await afterPack(context(platform));
      expect(await wrongFuses(app.program)).toEqual([]);
    },
  );

  test("so does macOS', where the fuses are in the framework", async () => {
    const app = await packedFolder(folder, "darwin");
    expect(packedApp(context("darwin"))).toEqual(app);
    expect(examine(app)).toEqual([]);
    expect(await wrongFuses(app.program)).not.toEqual([]);
  });

  test("a platform that nobody thought of is refused", async () => {
    await expect(afterPack(context("mas"))).rejects.toThrow("nobody has said what a package for mas holds");
  });

  test.each([
    "LICENSE",
    "THIRD-PARTY.txt",
    "castaway",
    "castaway.service",
    "castaway-meet.service",
    "castaway.sysusers",
    "completion/castaway.bash",
    "completion/castaway.zsh",
    "completion/castaway.fish",
    "app.asar",
  ])("without %s it fails, and leaves the fuses alone", async (path) => {
    const app = await packedFolder(folder, "linux");
    const before = await wrongFuses(app.program);
    rmSync(join(app.resources, path));
    expect(existsSync(join(app.resources, path))).toBe(false);
    await expect(afterPack(context("linux"))).rejects.toThrow(`missing in the resources: ${path}`);
    expect(await wrongFuses(app.program)).toEqual(before);
  });

  test.each(Object.keys(APP_FILES))("without %s in app.asar it fails", async (path) => {
    const { [path]: _, ...others } = APP_FILES;
    await packedFolder(folder, "linux", others);
    await expect(afterPack(context("linux"))).rejects.toThrow(`missing in app.asar: ${path}`);
  });

  test("a package.json that names no program fails", async () => {
    await packedFolder(folder, "linux", { ...APP_FILES, "package.json": "{}" });
    await expect(afterPack(context("linux"))).rejects.toThrow('missing in app.asar: "main" in package.json');
  });

  test("without Electron's binary it fails", async () => {
    const app = await packedFolder(folder, "linux");
    rmSync(app.program);
    await expect(afterPack(context("linux"))).rejects.toThrow("Electron's binary is missing");
  });

  test("what others could replace fails, and so does a castaway that nobody may run", async () => {
    const app = await packedFolder(folder, "linux");
    chmodSync(join(app.resources, "castaway"), 0o664);
    chmodSync(join(app.resources, "completion"), 0o777);
    expect(examine(app)).toEqual([
      "castaway in the resources is not executable for everybody",
      "others may write to resources/castaway (mode 664)",
      "others may write to resources/completion (mode 777)",
    ]);
  });

  test("Linux's service in another system's package fails", async () => {
    const app = await packedFolder(folder, "win32");
    writeFileSync(join(app.resources, "castaway"), "");
    expect(examine(app)).toEqual(["the resources have a castaway that does not run on this system"]);
  });
});
