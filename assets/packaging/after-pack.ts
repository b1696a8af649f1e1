// electron-builder calls this for each platform, when the app's folder is complete and not yet signed or packed. What is
// not there fails the build here, and not on somebody's computer.
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { extractFile, listPackage } from "@electron/asar";
import type { AfterPackContext } from "electron-builder";
import { setFuses } from "./fuses.ts";
import { SERVICE_RESOURCES, THIRD_PARTY } from "./system-files.ts";

export type Platform = "linux" | "darwin" | "win32";

export interface PackedApp {
  readonly platform: Platform;
  /** Electron's binary, or the .app. */
  readonly program: string;
  /** The folder with app.asar. */
  readonly resources: string;
}

/** In the resources. The service is Linux's: see electron-builder.yml. */
const RESOURCES: Record<Platform, readonly string[]> = {
  linux: ["app.asar", "LICENSE", THIRD_PARTY, "castaway", ...SERVICE_RESOURCES],
  darwin: ["app.asar", "LICENSE", THIRD_PARTY],
  win32: ["app.asar", "LICENSE", THIRD_PARTY],
};
/** In app.asar, beside what its package.json names as main. */
const IN_ASAR = [
  "package.json",
  "out/main/preload.cjs",
  "out/renderer/index.html",
  "assets/icons/tray/connected-on-light.png",
];

export default async function afterPack(context: AfterPackContext): Promise<void> {
  const app = packedApp(context);
  const problems = examine(app);
  if (problems.length > 0)
    throw new Error(`the app's folder is not as it should be:\n  ${problems.join("\n  ")}`);
  await setFuses(app.program, { resign: app.platform === "darwin" });
}

/** Sentences; empty if nothing is missing and nobody but root could replace what is there. */
export function examine({ platform, program, resources }: PackedApp): string[] {
  const problems: string[] = [];
  if (!existsSync(program)) problems.push(`Electron's binary is missing: ${program}`);
  for (const path of RESOURCES[platform])
    if (!existsSync(join(resources, path))) problems.push(`missing in the resources: ${path}`);
  const asar = join(resources, "app.asar");
  if (existsSync(asar)) problems.push(...missingInAsar(asar));
  const helper = join(resources, "castaway");
  if (platform !== "linux") {
    if (existsSync(helper)) problems.push("the resources have a castaway that does not run on this system");
    return problems;
  }
  if (existsSync(helper) && (lstatSync(helper).mode & 0o111) !== 0o111)
    problems.push("castaway in the resources is not executable for everybody");
  // The service runs as its own account, and is started by root: what it runs is root's alone to change.
  for (const path of existsSync(resources)
    ? ["", ...readdirSync(resources, { recursive: true, encoding: "utf8" })]
    : []) {
    const stat = lstatSync(join(resources, path));
    if (!stat.isSymbolicLink() && (stat.mode & 0o022) !== 0)
      problems.push(`others may write to resources/${path} (mode ${(stat.mode & 0o777).toString(8)})`);
  }
  return problems;
}

function missingInAsar(asar: string): string[] {
  const files = new Set(
    listPackage(asar, { isPack: false }).map((path) => path.replaceAll("\\", "/").slice(1)),
  );
  const missing = IN_ASAR.filter((path) => !files.has(path));
  if (files.has("package.json")) {
    const { main } = JSON.parse(extractFile(asar, "package.json").toString("utf8")) as { main?: unknown };
    if (typeof main !== "string") missing.push('"main" in package.json');
    else if (!files.has(main.replace(/^\.\//, "")))
      missing.push(`${main}, which its package.json names as main`);
  }
  return missing.map((what) => `missing in app.asar: ${what}`);
}

export function packedApp(context: AfterPackContext): PackedApp {
  const { electronPlatformName: platform, appOutDir, packager } = context;
  const { productFilename } = packager.appInfo;
  if (platform === "linux") {
    const program = join(appOutDir, packager.config.executableName ?? productFilename);
    return { platform, program, resources: join(appOutDir, "resources") };
  }
  if (platform === "win32")
    return {
      platform,
      program: join(appOutDir, `${productFilename}.exe`),
      resources: join(appOutDir, "resources"),
    };
  if (platform === "darwin") {
    const program = join(appOutDir, `${productFilename}.app`);
    return { platform, program, resources: join(program, "Contents/Resources") };
  }
  throw new Error(`nobody has said what a package for ${platform} holds`);
}
