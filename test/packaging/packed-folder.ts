// A folder such as electron-builder's afterPack gets, with a made-up Electron: a file with the fuses' sentinel and wire.
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createPackage } from "@electron/asar";
import type { PackedApp, Platform } from "#packaging/after-pack.ts";
import { SERVICE_RESOURCES } from "#packaging/system-files.ts";

/** electron/fuses: what a binary is searched for, a version, a length, and a character a fuse. */
const SENTINEL = "dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX";
const WIRE_VERSION = 1;

/** `fuses`: "0" off, "1" on, "r" removed. Electron's own are these nine. */
export function writeElectron(file: string, fuses = "101100011"): void {
  mkdirSync(dirname(file), { recursive: true });
  const around = Buffer.alloc(100_000, "\x7fELF and much code ");
  const wire = Buffer.concat([
    Buffer.from(SENTINEL),
    Buffer.from([WIRE_VERSION, fuses.length]),
    Buffer.from(fuses),
  ]);
  writeFileSync(file, Buffer.concat([around, wire, around]), { mode: 0o755 });
}

export const APP_FILES: Readonly<Record<string, string>> = {
  "package.json": JSON.stringify({ name: "castaway", main: "out/main/main.cjs" }),
  "out/main/main.cjs": "",
  "out/main/preload.cjs": "",
  "out/renderer/index.html": "<!doctype html>",
  "assets/icons/tray/connected-on-light.png": "",
};

/** A complete one; `app`: the files in app.asar. */
export async function packedFolder(
  folder: string,
  platform: Platform,
  app: Readonly<Record<string, string>> = APP_FILES,
): Promise<PackedApp> {
  const program = {
    linux: join(folder, "castaway-desktop"),
    darwin: join(folder, "Castaway.app"),
    win32: join(folder, "Castaway.exe"),
  }[platform];
  const resources = platform === "darwin" ? join(program, "Contents/Resources") : join(folder, "resources");
  const binary = "Contents/Frameworks/Electron Framework.framework/Electron Framework";
  writeElectron(platform === "darwin" ? join(program, binary) : program);
  const source = join(folder, "app");
  for (const [path, text] of Object.entries(app)) write(join(source, path), text);
  mkdirSync(resources, { recursive: true });
  await createPackage(source, join(resources, "app.asar"));
  write(join(resources, "LICENSE"), "MIT");
  write(join(resources, "THIRD-PARTY.txt"), "of others");
  if (platform === "linux") {
    write(join(resources, "castaway"), "");
    chmodSync(join(resources, "castaway"), 0o755);
    for (const path of SERVICE_RESOURCES) write(join(resources, path), "");
  }
  return { platform, program, resources };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o644 });
}
