// The desktop app's package as electron-builder would have fpm make it, from a made-up Electron: its words, the files by
// their places, and the scripts with everything filled in. Where it says "out/package", the folder that was staged stands.
import { copyFileSync, mkdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Arch, build, Platform } from "electron-builder";
import { packedFolder } from "#test/packaging/packed-folder.ts";
import { stageDesktop } from "../../packaging/desktop.ts";
import { release } from "../../packaging/release.ts";
import { ROOT } from "../../packaging/system-files.ts";

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
}

/** `folder` is made; it must last as long as what is returned. */
export async function desktopPackage(folder: string, format: "deb" | "rpm"): Promise<FpmCall> {
  const { version, time } = release({ SOURCE_DATE_EPOCH: "1700000000" });
  const app = join(folder, "app");
  mkdirSync(app, { recursive: true });
  await packedFolder(app, "linux");
  await stageDesktop(join(folder, "package"), version, time);
  let caught: { words: string[]; desktopEntry: string } | undefined;
  await build({
    projectDir: ROOT,
    prepackaged: app,
    publish: "never",
    targets: Platform.LINUX.createTarget(format, Arch.x64),
    config: { extends: join(ROOT, "electron-builder.yml"), directories: { output: join(folder, "output") } },
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
    mappings: words.filter((word) => /^[^-].*=\//.test(word)).map((word) => mapping(word, folder)),
    scripts: {
      afterInstall: after("--after-install"),
      beforeRemove: after("--before-remove"),
      afterRemove: after("--after-remove"),
    },
  };
}

function mapping(word: string, folder: string): { from: string; to: string } {
  const at = word.lastIndexOf("=");
  const from = resolve(ROOT, word.slice(0, at).replace(/^out\/package\//, `${folder}/package/`));
  return { from: word.slice(0, at).endsWith("/") ? `${from}/` : from, to: word.slice(at + 1) };
}
