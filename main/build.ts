// `npm run build:main`: out/main, which Electron starts: the main process as one module, the preload script as one
// CommonJS file. Nothing but Electron itself is left to be found at run time, so the packaged app has no node_modules.
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { build, type BuildOptions } from "rolldown";

const ROOT = resolve(import.meta.dirname, "..");

/** Into `folder`, which is emptied first. */
export async function buildMain(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  await build({
    ...bundlingOfApp(join(ROOT, "main/shell/main.ts")),
    output: { file: join(folder, "main.mjs"), format: "esm", codeSplitting: false },
  });
  await build({
    ...bundlingOfApp(join(ROOT, "main/shell/preload.ts")),
    output: { file: join(folder, "preload.cjs"), format: "cjs", codeSplitting: false },
  });
}

/** How an entry is bundled. */
export function bundlingOfApp(input: string): BuildOptions {
  return { input, cwd: ROOT, platform: "node", external: ["electron"], logLevel: "warn" };
}

if (import.meta.main) await buildMain(join(ROOT, "out/main"));
