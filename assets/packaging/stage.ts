// Writes a package's files into a folder as they will lie on the computer: with the modes and the time that they will
// have there, whatever this checkout's are.
import { chmodSync, copyFileSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SystemFile } from "./system-files.ts";

/** `time`: seconds since 1970. The folder must be empty or new. */
export function stage(folder: string, files: readonly SystemFile[], time: number): void {
  const folders = new Set<string>();
  for (const { path } of files)
    for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) folders.add(parent);
  // The shortest first: a folder is made before what is in it.
  for (const one of ["", ...[...folders].sort()]) {
    mkdirSync(join(folder, one), { recursive: true });
    chmodSync(join(folder, one), 0o755); // mkdir's mode is cut by the umask
  }
  for (const { path, mode, content } of files) {
    const target = join(folder, path);
    if ("link" in content) {
      symlinkSync(content.link, target);
    } else {
      if ("file" in content) copyFileSync(content.file, target);
      else writeFileSync(target, content.bytes);
      chmodSync(target, mode);
    }
    lutimesSync(target, time, time);
  }
  for (const one of [...folders, ""]) lutimesSync(join(folder, one), time, time);
}
