// Machine code that the executable carries as an asset: a library's addon, which its own loader would look for in
// node_modules.
//
// The daemon runs as root, so the file must not be one that somebody else can swap between writing and loading.
// On Linux it has no name at all by then: it is created anew (O_EXCL), unlinked, and loaded by its descriptor.
import { closeSync, constants, fchmodSync, mkdtempSync, openSync, unlinkSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRawAsset } from "node:sea";

export interface LoadedAddon {
  readonly exports: unknown;
  /** Valid as long as the process lives, for its threads. */
  readonly path: string;
}

/** Throws with all the reasons where no folder allows it. */
export function loadAsset(asset: string): LoadedAddon {
  const failures: string[] = [];
  // A folder can be on a file system that forbids execution, or not be there: the next one may do.
  for (const folder of folders()) {
    try {
      const path = process.platform === "linux" ? nameless(folder, asset) : named(folder, asset);
      return { exports: loadFile(path), path };
    } catch (error) {
      failures.push(`${folder}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`${asset} cannot be loaded. ${failures.join("; ")}`);
}

export function loadFile(path: string): unknown {
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports;
}

function folders(): string[] {
  const managed = process.env["RUNTIME_DIRECTORY"];
  return [
    ...(managed ? [managed] : []),
    ...(process.platform === "linux" ? ["/run", "/dev/shm"] : []),
    tmpdir(),
  ];
}

/** An open file without a name in `folder`; its path by way of the descriptor. */
function nameless(folder: string, asset: string): string {
  const path = join(folder, `.castaway-${randomBytes(12).toString("hex")}`);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openSync(path, flags, 0o600);
  try {
    unlinkSync(path);
    writeFileSync(fd, new Uint8Array(getRawAsset(asset)));
    fchmodSync(fd, 0o400);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return `/proc/self/fd/${fd}`;
}

/** A file in a new folder that this user alone can enter. */
function named(folder: string, asset: string): string {
  const path = join(mkdtempSync(join(folder, "castaway-")), asset);
  writeFileSync(path, new Uint8Array(getRawAsset(asset)), { flag: "wx", mode: 0o500 });
  return path;
}
