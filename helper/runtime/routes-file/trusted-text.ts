// A routes file makes the daemon join and forward: who may write it, may have that done. So it is used where root or the
// daemon's own account alone can have written it, and could have put another one in its place.
import { constants, type Stats } from "node:fs";
import { lstat, open, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "../store/store-error.ts";

const OTHERS_WRITE = 0o022;
const ALL_READ = 0o004;
const STICKY = 0o1000;
/** More than any routes file has. */
export const MAX_TEXT_BYTES = 1024 * 1024;

export interface TextRead {
  readonly text: string;
  /** Why a daemon would not trust it; undefined: it would. */
  readonly untrusted: string | undefined;
  /** Everybody on this computer may read it. */
  readonly isPublic: boolean;
}

/** Why there is no text. */
export class UnreadableError extends Error {
  override name = "UnreadableError";
  /** There is no such file. */
  readonly missing: boolean;

  constructor(message: string, missing = false) {
    super(message);
    this.missing = missing;
  }
}

/** `uids`: whose it may be. Throws UnreadableError: not there, no plain file, too long, no UTF-8. */
export async function readText(path: string, uids: readonly number[]): Promise<TextRead> {
  // O_NONBLOCK: opening a FIFO must not wait for its writer. All checks are on the opened file itself.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    await using file = await open(path, flags);
    const stats = await file.stat();
    if (!stats.isFile()) throw new UnreadableError("is not a plain file");
    if (stats.size > MAX_TEXT_BYTES) throw new UnreadableError("is longer than 1 MiB");
    const bytes = await readAtMost(file, MAX_TEXT_BYTES + 1);
    if (bytes.length > MAX_TEXT_BYTES) throw new UnreadableError("is longer than 1 MiB");
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const untrusted = fault(stats, uids) ?? (await folderFault(path, uids));
    return { text, untrusted, isPublic: (stats.mode & ALL_READ) !== 0 };
  } catch (error) {
    if (error instanceof UnreadableError) throw error;
    if (error instanceof TypeError) throw new UnreadableError("is no text in UTF-8");
    const errno = errnoOf(error);
    if (errno === "ENOENT") throw new UnreadableError("is not there", true);
    if (errno === "ELOOP") throw new UnreadableError("is a symbolic link");
    throw new UnreadableError(`cannot be read: ${errno ?? String(error)}`);
  }
}

/** The size that was checked may not be the size that is read. */
async function readAtMost(
  file: { read(buffer: Buffer, offset: number, length: number): Promise<{ bytesRead: number }> },
  most: number,
): Promise<Buffer> {
  const buffer = Buffer.alloc(most);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, most - length);
    length += bytesRead;
    if (bytesRead === 0 || length === most) return buffer.subarray(0, length);
  }
}

function fault(stats: Stats, uids: readonly number[]): string | undefined {
  if (!uids.includes(stats.uid)) return `belongs to uid ${stats.uid}`;
  return (stats.mode & OTHERS_WRITE) === 0 ? undefined : "can be written by other users";
}

async function folderFault(path: string, uids: readonly number[]): Promise<string | undefined> {
  for (let folder = await realpath(dirname(path)); ; folder = dirname(folder)) {
    const stats = await lstat(folder);
    const found = (stats.mode & STICKY) !== 0 && stats.uid === 0 ? undefined : fault(stats, uids);
    if (found !== undefined) return `is in ${folder}, which ${found}`;
    if (folder === dirname(folder)) return undefined;
  }
}
