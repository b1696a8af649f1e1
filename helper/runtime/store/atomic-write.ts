import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { link, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncFolder } from "./trusted-path.ts";
import { storeErrorOf } from "./store-error.ts";

export interface WriteOptions {
  readonly path: string;
  readonly text: string;
  /** true: on disk when the promise resolves. false: a crash of the system may lose it, never half of it. */
  readonly durable: boolean;
  /** Keeps what was there as `<path>.previous`. */
  readonly keepPrevious: boolean;
}

/**
 * Puts a file in place whole or not at all, at any kill and any power cut: a new file beside it (0600), written
 * and synced, then renamed over the old one, then the folder synced. Throws StoreError; the old file is intact.
 */
export async function writeAtomically({ path, text, durable, keepPrevious }: WriteOptions): Promise<void> {
  const fresh = `${path}.new-${randomBytes(6).toString("hex")}`;
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
    {
      await using file = await open(fresh, flags, 0o600);
      await file.writeFile(text);
      if (durable) await file.sync();
    }
    if (keepPrevious) await keep(path);
    await rename(fresh, path);
    if (durable) await syncFolder(dirname(path));
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => {}); // the first error is the one to tell
    throw storeErrorOf(error, "save", path);
  }
}

/**
 * A second name for the file that is about to be replaced: `path` itself is never without a whole file. An aid
 * for people alone, so a file system without hard links goes without it.
 */
async function keep(path: string): Promise<void> {
  const previous = `${path}.previous`;
  try {
    await rm(previous, { force: true });
    await link(path, previous);
  } catch {
    // first save: nothing to keep
  }
}

/** Files that a kill left half-written. They were never the state. */
export async function removeUnfinished(path: string): Promise<void> {
  const folder = dirname(path);
  const prefix = `${basename(path)}.new-`;
  for (const name of await readdir(folder))
    if (name.startsWith(prefix)) await rm(join(folder, name), { force: true });
}
