// The daemon is root: a state file that another user may write would hand root's doings over to that user. So a
// folder or file that is not its own is refused, not repaired. Windows has no owner in stat; there the folder
// below ProgramData is protected by its access list.
import { constants } from "node:fs";
import type { Stats } from "node:fs";
import { lstat, mkdir, open, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { StoreError, errnoOf, storeErrorOf } from "./store-error.ts";

const OTHERS_WRITE = 0o022;
const OTHERS_ANY = 0o077;
const STICKY = 0o1000;
/** More than any state has; less than would hurt to read. */
export const MAX_FILE_BYTES = 32 * 1024 * 1024;

/**
 * Makes the folder (0700) or checks it. One that others may list stays so (it may be a folder with other uses,
 * named by mistake): the files in it are 0600. Throws StoreError, "untrusted" among others.
 */
export async function ensureTrustedFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    const stats = await lstat(folder);
    checkOwner(folder, stats, "folder");
    if (process.geteuid?.() === 0) await checkAncestors(folder);
  } catch (error) {
    if (errnoOf(error) === "EEXIST" || errnoOf(error) === "ENOTDIR")
      throw untrusted(folder, "is not a folder");
    throw storeErrorOf(error, "read", folder);
  }
}

/**
 * The bytes of a file that nobody but root and ourselves can have written; undefined where there is none.
 * Throws StoreError: "untrusted", or what the system says. More than 32 MiB: "too-long" in place of bytes.
 */
export async function readTrustedFile(path: string): Promise<Buffer | "too-long" | undefined> {
  // O_NONBLOCK: opening a FIFO must not wait for its writer. All checks are on the opened file itself.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  try {
    await using file = await open(path, flags);
    const stats = await file.stat();
    checkOwner(path, stats, "file");
    if ((stats.mode & OTHERS_ANY) !== 0) await file.chmod(0o600);
    if (stats.size > MAX_FILE_BYTES) return "too-long";
    return await file.readFile();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    if (errnoOf(error) === "ELOOP") throw untrusted(path, "is a symbolic link");
    throw storeErrorOf(error, "read", path);
  }
}

/** Makes renames and new names in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return; // folders cannot be synced there
  await using handle = await open(folder, constants.O_RDONLY);
  await handle.sync();
}

/** Not mkdir's own `recursive`: Node 26 never comes back from it below /proc. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, 0o700);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return;
    if (errnoOf(error) !== "ENOENT" || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await mkdir(folder, 0o700);
  }
  await syncFolder(dirname(folder));
}

function checkOwner(path: string, stats: Stats, kind: "folder" | "file"): void {
  if (stats.isSymbolicLink()) throw untrusted(path, "is a symbolic link");
  if (kind === "folder" ? !stats.isDirectory() : !stats.isFile()) throw untrusted(path, `is not a ${kind}`);
  const own = process.geteuid?.();
  if (own === undefined) return;
  if (stats.uid !== 0 && stats.uid !== own) throw untrusted(path, `belongs to uid ${stats.uid}`);
  if ((stats.mode & OTHERS_WRITE) !== 0) throw untrusted(path, "can be written by other users");
}

/** Who may rename a folder above it may put another one in its place. */
async function checkAncestors(folder: string): Promise<void> {
  let path = await realpath(dirname(folder));
  for (;;) {
    const stats = await lstat(path);
    if (stats.uid !== 0) throw untrusted(path, `(above the state folder) belongs to uid ${stats.uid}`);
    if ((stats.mode & OTHERS_WRITE) !== 0 && (stats.mode & STICKY) === 0)
      throw untrusted(path, "(above the state folder) can be written by other users");
    if (path === dirname(path)) return;
    path = dirname(path);
  }
}

function untrusted(path: string, what: string): StoreError {
  return new StoreError(
    "untrusted",
    `${path} ${what}, so what is in it cannot be trusted`,
    `Look who made it: ls -ld ${path}. If it is yours: chown root ${path} && chmod go-w ${path}; ` +
      "or choose another state folder.",
  );
}
