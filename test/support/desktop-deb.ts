// The desktop app's .deb without fpm: from the words that electron-builder would give it, put together by dpkg-deb.
// Electron is made up; all else is real.
import { cpSync, mkdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { desktopPackage, type Parts } from "./desktop-package.ts";
import { NOW } from "./built-packages.ts";
import { buildDebianPackage, debianArchitecture } from "#packaging/debian.ts";

/** Returns the .deb, in `folder`. */
export async function desktopDebIn(folder: string, parts: Parts): Promise<string> {
  const work = join(folder, "desktop");
  const { words, mappings, scripts } = await desktopPackage(join(work, "builder"), "deb", parts);
  const root = join(work, "root");
  for (const { from, to } of mappings) copyAs(from, join(root, to));
  const given = (name: string): string => {
    const joined = words.find((word) => word.startsWith(`${name}=`));
    return joined === undefined ? words[words.indexOf(name) + 1]! : joined.slice(name.length + 1);
  };
  const output = join(folder, "castaway-desktop.deb");
  buildDebianPackage({
    folder: root,
    output,
    control: {
      Package: given("--name"),
      Version: given("--version"),
      Architecture: debianArchitecture(process.arch),
      Maintainer: given("--maintainer"),
      Conflicts: given("--conflicts"),
      Replaces: given("--replaces"),
      Provides: given("--provides"),
      Description: "the desktop app",
    },
    scripts: { postinst: scripts.afterInstall, prerm: scripts.beforeRemove, postrm: scripts.afterRemove },
    compression: "none",
    time: NOW.time,
  });
  rmSync(work, { recursive: true });
  return basename(output);
}

/** As fpm does: a folder's content with a slash behind it; a file where its place has no ending, into it. */
function copyAs(from: string, to: string): void {
  const isFolder = statSync(from).isDirectory();
  mkdirSync(isFolder ? to : dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}
