// Whether the desktop shows tray icons at all. Where it does not (GNOME as it comes), an app without a window would be
// one that nobody can see: so closing the window ends it there. The tunnel stays up either way.
import { execFile } from "node:child_process";

const DEADLINE_MS = 2_000;
const WATCHER = "org.kde.StatusNotifierWatcher";

export type RunProgram = (
  program: string,
  words: readonly string[],
  options: { readonly timeout: number },
  done: (error: Error | null, stdout: string) => void,
) => unknown;

const runProgram: RunProgram = (program, words, options, done) =>
  execFile(program, [...words], { ...options, encoding: "utf8" }, done);

/** Where it cannot be found out, there is taken to be one: an app that ends unasked is worse. */
export function hasTrayHost(platform: NodeJS.Platform, run: RunProgram = runProgram): Promise<boolean> {
  if (platform !== "linux") return Promise.resolve(true);
  const words = [
    "--session",
    "--dest=org.freedesktop.DBus",
    "--print-reply=literal",
    "/org/freedesktop/DBus",
    "org.freedesktop.DBus.NameHasOwner",
    `string:${WATCHER}`,
  ];
  return new Promise((resolve) => {
    run("dbus-send", words, { timeout: DEADLINE_MS }, (error, stdout) =>
      resolve(error !== null || !/boolean false/.test(stdout)),
    );
  });
}
