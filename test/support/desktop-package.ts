// The desktop app's package as electron-builder would have fpm make it. The project is built, electron-builder packs it by
// electron-builder.yml with our hooks, and is stopped where it would call fpm. Electron alone is made up.
import { chmodSync, copyFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { createPackage } from "@electron/asar";
import { Arch, build, Platform } from "electron-builder";
import { writeElectron } from "#test/packaging/packed-folder.ts";
import { buildMain } from "../../main/build.ts";
import afterPack from "#packaging/after-pack.ts";
import beforeBuild from "#packaging/before-build.ts";
import { stageDesktop } from "#packaging/desktop.ts";
import { type Release, release } from "#packaging/release.ts";
import { ROOT } from "#packaging/system-files.ts";

export interface FpmCall {
  readonly words: readonly string[];
  /** A folder's source ends with a slash: its content goes to the place. */
  readonly mappings: readonly { readonly from: string; readonly to: string }[];
  readonly scripts: {
    readonly afterInstall: string;
    readonly beforeRemove: string;
    readonly afterRemove: string;
  };
  readonly desktopEntry: string;
  /** What becomes /opt/Castaway. */
  readonly appFolder: string;
}

export interface Parts {
  /** The service's executable; an empty file otherwise. */
  readonly executable?: string;
  /** The interface, as it was built; an empty page otherwise. */
  readonly renderer?: string;
}

/** `folder` is made; it must last as long as what is returned. */
export async function desktopPackage(
  folder: string,
  format: "deb" | "rpm",
  parts: Parts = {},
): Promise<FpmCall> {
  const of = release({ SOURCE_DATE_EPOCH: "1700000000" });
  const project = join(folder, "project");
  await fillProject(project, of, parts);
  await writeDistribution(join(folder, "electron"));
  const appFolder = join(folder, "output/linux-unpacked");
  let caught: { words: string[]; desktopEntry: string } | undefined;
  await build({
    projectDir: project,
    publish: "never",
    targets: Platform.LINUX.createTarget(format, Arch.x64),
    config: {
      extends: join(project, "electron-builder.yml"),
      directories: { output: join(folder, "output") },
      electronDist: join(folder, "electron"),
      electronVersion: "45.4.1",
      // By name they would be looked for in the project.
      beforeBuild,
      afterPack,
    },
    // Called with the words for fpm and the desktop entry; "true" ends it there, and what it has written goes.
    effectiveOptionComputed: async (computed: unknown) => {
      const [words, desktopEntry] = computed as [string[], string];
      const kept = new Map<string, string>();
      for (const [index, word] of words.entries()) {
        const [from = ""] = word.split("=");
        if (!["--after-install", "--after-remove"].includes(words[index - 1] ?? "") && from !== desktopEntry)
          continue;
        const copy = join(folder, `kept-${index}`, basename(from).replace(/^\d+-/, ""));
        mkdirSync(dirname(copy));
        copyFileSync(from, copy);
        kept.set(from, copy);
      }
      caught = {
        words: words.map((word) => {
          const [from = "", ...to] = word.split("=");
          return [kept.get(from) ?? from, ...to].join("=");
        }),
        desktopEntry: kept.get(desktopEntry) ?? "",
      };
      return true;
    },
  } as Parameters<typeof build>[0]);
  if (!caught) throw new Error("electron-builder came to no call of fpm");
  const { words, desktopEntry } = caught;
  const after = (word: string): string => {
    const index = words.findIndex((one) => one === word || one.startsWith(`${word}=`));
    const found = words[index]?.includes("=") ? words[index].slice(word.length + 1) : words[index + 1];
    if (index < 0 || !found) throw new Error(`electron-builder gives fpm no ${word}`);
    return resolve(ROOT, found);
  };
  return {
    words,
    desktopEntry,
    appFolder,
    mappings: words.filter((word) => /^[^-].*=\//.test(word)).map((word) => mapping(word, project)),
    scripts: {
      afterInstall: after("--after-install"),
      beforeRemove: after("--before-remove"),
      afterRemove: after("--after-remove"),
    },
  };
}

/** A checkout that was built. */
async function fillProject(project: string, of: Release, parts: Parts): Promise<void> {
  mkdirSync(join(project, "out/renderer"), { recursive: true });
  for (const name of ["package.json", "LICENSE", "electron-builder.yml", "assets"])
    cpSync(join(ROOT, name), join(project, name), { recursive: true });
  await stageDesktop(join(project, "out/package"), of);
  await buildMain(join(project, "out/main"));
  if (parts.renderer) cpSync(parts.renderer, join(project, "out/renderer"), { recursive: true });
  else writeFileSync(join(project, "out/renderer/index.html"), "<!doctype html>");
  if (parts.executable) copyFileSync(parts.executable, join(project, "out/castaway"));
  else writeFileSync(join(project, "out/castaway"), "");
  chmodSync(join(project, "out/castaway"), 0o755);
}

/** What electron-builder takes for Electron. */
async function writeDistribution(folder: string): Promise<void> {
  writeElectron(join(folder, "electron"));
  for (const name of ["LICENSE", "LICENSES.chromium.html", "chrome-sandbox"])
    writeFileSync(join(folder, name), "");
  chmodSync(join(folder, "chrome-sandbox"), 0o755);
  for (const name of ["resources", "locales", "default"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "default/package.json"), "{}");
  await createPackage(join(folder, "default"), join(folder, "resources/default_app.asar"));
}

function mapping(word: string, project: string): { from: string; to: string } {
  const [from = "", to = ""] = word.split("=");
  return { from: resolve(project, from) + (from.endsWith("/") ? "/" : ""), to };
}
