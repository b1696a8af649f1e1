// What differs between a copy of this computer (boot-copy.sh) and this computer: overlayfs keeps no more than that.
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { join } from "node:path";

/** What dpkg and the account's tools keep for themselves: their database, their logs, the file before the last change. */
export const DPKG_RECORDS =
  /^\/(var\/lib\/dpkg|var\/log|var\/cache|etc\/(passwd|group|shadow|gshadow|subuid|subgid)-|etc\/\.pwd\.lock)/;

/** By path: what it is now, "gone", or a line of type, mode, owner and content. */
export type Changes = ReadonlyMap<string, string>;

/** `upper`: overlayfs's folder of changes; `lower`: what it lies over. */
export function changesIn(upper: string, lower = "/"): Changes {
  const found = new Map<string, string>();
  for (const path of readdirSync(upper, { recursive: true, encoding: "utf8" })) {
    const now = describe(join(upper, path));
    const before = describe(join(lower, path));
    // A file that was only touched is copied up, and is what it was.
    if (now !== before) found.set(`/${path}`, now);
  }
  return found;
}

/** What is different now from what it was then, as lines. */
export function between(then: Changes, now: Changes): string[] {
  const paths = new Set([...then.keys(), ...now.keys()]);
  return [...paths]
    .filter((path) => then.get(path) !== now.get(path))
    .sort()
    .map((path) => `${path}: ${then.get(path) ?? "as it was"} -> ${now.get(path) ?? "as it was"}`);
}

function describe(file: string): string {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (!stat || isWhiteout(stat)) return "gone";
  const owner = `${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}`;
  if (stat.isSymbolicLink()) return `link to ${readlinkSync(file)}`;
  if (stat.isDirectory()) return `folder ${owner}`;
  if (!stat.isFile()) return `special ${owner}`;
  return `file ${owner} ${createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 16)}`;
}

/** How overlayfs says that something of the lower folder was removed. */
function isWhiteout(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0;
}
