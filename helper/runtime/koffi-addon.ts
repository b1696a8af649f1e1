// koffi's machine code in the executable. The build puts this module in the place of koffi's own search for it.
//
// The daemon runs as root, so the file must not be one that somebody else can swap between writing and loading.
// On Linux it has no name at all by then: it is created anew (O_EXCL), unlinked, and loaded by its descriptor.
import { closeSync, constants, fchmodSync, mkdtempSync, openSync, unlinkSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRawAsset } from "node:sea";
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";

export const KOFFI_ASSET = "koffi.node";
/** The path for worker threads, which load the same file: it stays open as long as the process lives. */
const ENVIRONMENT_KEY = "castaway.koffi-addon";

/** Called by koffi in place of its own function of that name. */
export function loadStatic(): unknown {
  const known: unknown = getEnvironmentData(ENVIRONMENT_KEY);
  if (typeof known === "string") return load(known);
  const failures: string[] = [];
  // A folder can be on a file system that forbids execution, or not be there: the next one may do.
  for (const folder of folders()) {
    try {
      const path = process.platform === "linux" ? nameless(folder) : named(folder);
      const addon = load(path);
      setEnvironmentData(ENVIRONMENT_KEY, path);
      return addon;
    } catch (error) {
      failures.push(`${folder}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`koffi cannot be loaded. ${failures.join("; ")}`);
}

function folders(): string[] {
  const managed = process.env["RUNTIME_DIRECTORY"];
  return [
    ...(managed ? [managed] : []),
    ...(process.platform === "linux" ? ["/run", "/dev/shm"] : []),
    tmpdir(),
  ];
}

function load(path: string): unknown {
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports;
}

/** An open file without a name in `folder`; its path by way of the descriptor. */
function nameless(folder: string): string {
  const path = join(folder, `.castaway-${randomBytes(12).toString("hex")}`);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openSync(path, flags, 0o600);
  try {
    unlinkSync(path);
    writeFileSync(fd, new Uint8Array(getRawAsset(KOFFI_ASSET)));
    fchmodSync(fd, 0o400);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return `/proc/self/fd/${fd}`;
}

/** A file in a new folder that this user alone can enter. */
function named(folder: string): string {
  const path = join(mkdtempSync(join(folder, "castaway-")), KOFFI_ASSET);
  writeFileSync(path, new Uint8Array(getRawAsset(KOFFI_ASSET)), { flag: "wx", mode: 0o500 });
  return path;
}
