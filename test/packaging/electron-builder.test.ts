// electron-builder.yml, by electron-builder itself: its schema, and all that it does with a made-up Electron, up to the call
// of fpm, which makes the .deb and the .rpm.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extractFile, listPackage } from "@electron/asar";
import type { Configuration } from "electron-builder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasCommand } from "#test/support/requirements.ts";
import { wrongFuses } from "#packaging/fuses.ts";
import { ROOT, SERVICE_RESOURCES } from "#packaging/system-files.ts";
import { desktopPackage, type FpmCall } from "#test/support/desktop-package.ts";

interface Config {
  getConfig(folder: string, path: string, more: null): Promise<Configuration>;
  validateConfiguration(config: unknown, log: { isEnabled: boolean }): Promise<void>;
}
const builder = createRequire(createRequire(import.meta.url).resolve("electron-builder/package.json"));
const { getConfig, validateConfiguration } = builder("app-builder-lib/out/util/config/config.js") as Config;
const quiet = { isEnabled: false };

describe("electron-builder.yml", () => {
  let config: Configuration;
  beforeAll(async () => {
    config = await getConfig(ROOT, join(ROOT, "electron-builder.yml"), null);
  });

  test("is what electron-builder's schema allows, and a slip of the pen is not", async () => {
    await expect(validateConfiguration(config, quiet)).resolves.toBeUndefined();
    await expect(validateConfiguration({ ...config, linux: { taget: ["deb"] } }, quiet)).rejects.toThrow(
      "configuration.linux should be",
    );
  });

  test("names the targets of each system", () => {
    expect(config.linux?.target).toEqual(["deb", "rpm", "AppImage"]);
    expect(config.mac?.target).toEqual(["dmg", "pkg"]);
    expect(config.win?.target).toEqual(["nsis"]);
    expect(config.nsis).toMatchObject({ perMachine: true });
    expect(config.asar).toBe(true);
  });

  test("names nothing that a checkout lacks, but for what the build makes", () => {
    const named = [
      config.linux?.icon,
      config.mac?.icon,
      config.win?.icon,
      config.deb?.afterInstall,
      config.deb?.afterRemove,
      config.rpm?.afterInstall,
      config.rpm?.afterRemove,
      config.afterPack as string,
      config.beforeBuild as string,
      ...[config.deb?.fpm, config.rpm?.fpm]
        .flatMap((words) => words ?? [])
        .flatMap((word) => /^--before-remove=(.*)$/.exec(word)?.[1] ?? []),
    ];
    for (const path of named) expect(existsSync(join(ROOT, path ?? "(not named)")), path ?? "").toBe(true);
  });
});

describe.skipIf(process.platform !== "linux")("what electron-builder hands to fpm", () => {
  const folder = mkdtempSync(join(tmpdir(), "castaway-fpm-"));
  let calls: Readonly<Record<"deb" | "rpm", FpmCall>>;
  beforeAll(async () => {
    calls = {
      deb: await desktopPackage(join(folder, "deb"), "deb"),
      rpm: await desktopPackage(join(folder, "rpm"), "rpm"),
    };
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(["deb", "rpm"] as const)("each file of the %s is there", (format) => {
    const { mappings } = calls[format];
    for (const { from } of mappings) expect(existsSync(from), from).toBe(true);
    expect(mappings.map(({ to }) => to)).toEqual(
      expect.arrayContaining([
        "/",
        "/opt/Castaway",
        "/usr/share/applications/castaway-desktop.desktop",
        "/usr/share/icons/hicolor/256x256/apps/castaway-desktop.png",
      ]),
    );
  });

  test("the app is what was built, in its archive, and no dependencies", () => {
    const asar = join(calls.deb.appFolder, "resources/app.asar");
    const files = listPackage(asar, { isPack: false });
    expect(files).toEqual(
      expect.arrayContaining([
        "/package.json",
        "/out/main/main.mjs",
        "/out/main/preload.cjs",
        "/out/renderer/index.html",
        "/assets/icons/app/256x256.png",
      ]),
    );
    expect(files.filter((file) => !/^\/(package\.json$|out(\/|$)|assets(\/|$))/.test(file))).toEqual([]);
    // What a bundle names and nobody brings would be found out at the start, on somebody's computer.
    const code = extractFile(asar, "out/main/main.mjs").toString("utf8");
    const named = [...code.matchAll(/^import\b[^"\n]*"([^"\n]+)";?$/gm)].map(([, name]) => name ?? "");
    expect(named).toContain("electron");
    expect(named.filter((name) => name !== "electron" && !isBuiltin(name))).toEqual([]);
  });

  test("its folder has the service beside it, and Electron's fuses are set", async () => {
    const resources = join(calls.deb.appFolder, "resources");
    for (const name of ["castaway", "LICENSE", "THIRD-PARTY.txt", "apparmor-profile", ...SERVICE_RESOURCES])
      expect(existsSync(join(resources, name)), name).toBe(true);
    expect(await wrongFuses(join(calls.deb.appFolder, "castaway-desktop"))).toEqual([]);
  });

  test.each(["deb", "rpm"] as const)(
    "the scripts of the %s are ours, with nothing left to fill in",
    (format) => {
      const { scripts } = calls[format];
      const own = (name: string): string =>
        readFileSync(join(ROOT, "assets/packaging/scripts", name), "utf8");
      expect(readFileSync(scripts.afterInstall, "utf8")).toBe(own("after-install.sh"));
      expect(readFileSync(scripts.afterRemove, "utf8")).toBe(own("after-remove.sh"));
      expect(readFileSync(scripts.beforeRemove, "utf8")).toBe(own("before-remove.sh"));
    },
  );

  test("the two packages that put the same files in place cannot both be there", () => {
    const { words } = calls.deb;
    expect(words).toContain("--conflicts=castaway-headless");
    expect(words[words.indexOf("--name") + 1]).toBe("castaway");
  });

  test("the desktop entry opens castaway:// and amt:// links", () => {
    const entry = readFileSync(calls.deb.desktopEntry, "utf8");
    expect(entry).toContain("\nExec=/opt/Castaway/castaway-desktop %U\n");
    expect(entry).toContain("\nMimeType=x-scheme-handler/castaway;x-scheme-handler/amt;\n");
    expect(entry).toContain("\nStartupWMClass=castaway-desktop\n");
    expect(entry).toContain("\nTerminal=false\n");
  });

  test.skipIf(!hasCommand("desktop-file-validate"))(
    "desktop-file-validate finds nothing in it (skipped without desktop-file-utils)",
    () => {
      const { stdout, status } = spawnSync("desktop-file-validate", [calls.deb.desktopEntry], {
        encoding: "utf8",
      });
      expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
    },
  );

  test("commands and units are the package's own files", () => {
    const system = calls.deb.mappings.find(({ to }) => to === "/")!.from;
    expect(statSync(join(system, "usr/lib/systemd/system/castaway.service")).mode & 0o777).toBe(0o644);
    expect(calls.rpm.mappings.find(({ to }) => to === "/")!.from).toMatch(/\/rpm\/$/);
  });
});
