// The executable as it is, an older release of it, and packages of both, for tests that install them.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { buildHeadlessPackage } from "#packaging/headless.ts";
import { release, type Release } from "#packaging/release.ts";
import { ROOT } from "#packaging/system-files.ts";
import { buildExecutable, castawayExecutable } from "../../helper/build.ts";

export const OLDER = "0.0.9";
export const NOW = release({ SOURCE_DATE_EPOCH: "1700000000" });

/** With the interface in it, built into `folder` if it is not there yet. */
export async function executableIn(folder: string, version = NOW.version): Promise<string> {
  const renderer = join(folder, "renderer");
  if (!existsSync(renderer))
    await build({
      configFile: join(ROOT, "vite.config.ts"),
      root: join(ROOT, "renderer"),
      logLevel: "error",
      build: { outDir: renderer, emptyOutDir: true },
    });
  const output = join(folder, `castaway-${version}`);
  await buildExecutable({ ...castawayExecutable(output), renderer, version });
  return output;
}

/** The .deb's name in `folder`. Not compressed, which would take most of the time. */
export async function headlessIn(folder: string, executable: string, version = NOW.version): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const of: Release = { ...NOW, version };
  return buildHeadlessPackage({ executable, release: of, folder, compression: "none" });
}
