// Whether nobody but root can change a file, or put another one in its place: then root may run it.
import { lstat } from "node:fs/promises";
import { dirname } from "node:path";

export interface FileFacts {
  readonly uid: number;
  readonly mode: number;
  isFile(): boolean;
  isDirectory(): boolean;
}
export type LookAt = (path: string) => Promise<FileFacts>;

const WRITABLE_BY_OTHERS = 0o022;
/** Neither a shell nor sudo-prompt's own quotes find anything in such a path. */
const PLAIN_PATH = /^(?:\/[A-Za-z0-9_.+-]+)+$/;

/**
 * undefined: root alone can change it. Else one sentence. A link anywhere on the way is refused too, however well it is
 * kept: what it leads to would have to be looked at as well.
 */
export async function whyNotRootOwned(path: string, lookAt: LookAt = lstat): Promise<string | undefined> {
  if (!PLAIN_PATH.test(path) || path.split("/").includes("..")) return `${path} is no plain absolute path`;
  for (let one = path; ; one = dirname(one)) {
    let facts: FileFacts;
    try {
      facts = await lookAt(one);
    } catch {
      return `${one} is not there`;
    }
    if (!(one === path ? facts.isFile() : facts.isDirectory()))
      return `${one} is no ordinary ${one === path ? "file" : "folder"}`;
    if (facts.uid !== 0) return `${one} does not belong to root`;
    if ((facts.mode & WRITABLE_BY_OTHERS) !== 0) return `${one} can be changed by others than root`;
    if (one === "/") return undefined;
  }
}
