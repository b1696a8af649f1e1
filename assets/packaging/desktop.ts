// npm run package: the desktop app's packages for this system, by electron-builder.yml, into out/desktop. Words behind it
// go to electron-builder: npm run package -- --linux deb.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Release, release } from "./release.ts";
import { stage } from "./stage.ts";
import { documents } from "./documents.ts";
import {
  DESKTOP,
  type Format,
  link,
  ROOT,
  serviceResources,
  type SystemFile,
  systemFiles,
  text,
  THIRD_PARTY,
} from "./system-files.ts";
import { thirdPartyText } from "./third-party.ts";

const DOWNLOAD_MS = 300_000;

/** What the desktop app's package has of it outside of /opt/Castaway, where the app and the executable lie. */
export async function desktopSystemFiles(format: Format, of: Release): Promise<SystemFile[]> {
  return [
    link("usr/bin/castaway", "/opt/Castaway/resources/castaway"),
    link("usr/bin/castaway-desktop", "/opt/Castaway/castaway-desktop"),
    ...(await systemFiles(format, of.version)),
    ...(await documents(DESKTOP, "app", of)),
  ];
}

/** What electron-builder.yml takes from out/package. */
export async function stageDesktop(folder: string, of: Release): Promise<void> {
  const { version, time } = of;
  rmSync(folder, { recursive: true, force: true });
  stage(join(folder, "resources"), await serviceResources(version), time);
  stage(join(folder, "licences"), [text(THIRD_PARTY, await thirdPartyText("app"))], time);
  stage(join(folder, "deb"), await desktopSystemFiles("deb", of), time);
  stage(join(folder, "rpm"), await desktopSystemFiles("rpm", of), time);
}

/** The folder with Electron's binary, as ELECTRON_OVERRIDE_DIST_PATH or Electron's own package has it; undefined if neither. */
export function electronFolder(
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const names = { darwin: "Electron.app", win32: "electron.exe" } as Readonly<Record<string, string>>;
  const folders = [environment["ELECTRON_OVERRIDE_DIST_PATH"], join(electronPackage(), "dist")];
  return folders.find((folder) => folder && existsSync(join(folder, names[process.platform] ?? "electron")));
}

function electronPackage(): string {
  return dirname(createRequire(import.meta.url).resolve("electron/package.json"));
}

/** Electron's own script fetches the binary; where it cannot, it says so on stderr. */
function fetchElectron(): void {
  console.log("Electron's binary is not here yet: fetching it");
  spawnSync(process.execPath, [join(electronPackage(), "install.js")], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: DOWNLOAD_MS,
  });
}

if (import.meta.main) {
  const of = release(process.env);
  await stageDesktop(join(ROOT, "out/package"), of);
  if (electronFolder(process.env) === undefined) fetchElectron();
  const electron = electronFolder(process.env);
  if (electron === undefined) {
    console.log(
      "skipped: the desktop app's packages, because Electron's binary cannot be had here. With a copy of it, set " +
        "ELECTRON_OVERRIDE_DIST_PATH to its folder.",
    );
  } else {
    const builder = createRequire(import.meta.url).resolve("electron-builder/cli.js");
    const words = [`-c.electronDist=${electron}`, "--publish", "never", ...process.argv.slice(2)];
    const environment = { ...process.env, SOURCE_DATE_EPOCH: String(of.time) };
    const { status } = spawnSync(process.execPath, [builder, ...words], {
      cwd: ROOT,
      stdio: "inherit",
      env: environment,
    });
    process.exitCode = status ?? 1;
  }
}
