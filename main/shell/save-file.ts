// Files that the app makes for a person: a playlist for their player, a report where they want it.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ControlError } from "#contract/errors.ts";
import type { TextFile } from "#main/helper-link/shell-calls.ts";
import type { ElectronParts } from "./electron-parts.ts";

/** What a stream's address looks like. A player would open files, shares and web pages, too. */
const ADDRESS = /^(?:udp|rtp):\/\/[\da-f.:[\]]*@[\da-f.:[\]]+:\d{1,5}$/i;

export class Playlists {
  readonly #shell: ElectronParts["shell"];
  readonly #temporary: string;
  readonly #folders: string[] = [];

  /** `temporary`: the system's folder for such files. */
  constructor(shell: ElectronParts["shell"], temporary: string) {
    this.#shell = shell;
    this.#temporary = temporary;
  }

  /** Opens it in the program that the system has for playlists. Rejects with a ControlError. */
  async play(playlist: string): Promise<void> {
    const lines = playlist.split("\n").filter((line) => line.trim() !== "");
    const addresses = lines.filter((line) => !line.startsWith("#"));
    if (lines[0] !== "#EXTM3U" || addresses.length === 0 || !addresses.every((line) => ADDRESS.test(line)))
      throw new ControlError("bad-request", "This is no playlist of streams.");
    // A folder of this user's alone: nobody swaps the file before the player reads it.
    const folder = await mkdtemp(join(this.#temporary, "castaway-"));
    this.#folders.push(folder);
    const path = join(folder, "stream.m3u");
    await writeFile(path, playlist, { mode: 0o600, flag: "wx" });
    const problem = await this.#shell.openPath(path);
    if (problem !== "")
      throw new ControlError(
        "not-found",
        "No player could be started for this stream.",
        "Install one that opens .m3u files, such as VLC, or copy the stream's address into yours.",
      );
  }

  /** The players have read them by now. */
  async removeAll(): Promise<void> {
    await Promise.all(this.#folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
  }
}

/** By the system's dialog. The path, or null where the person changed their mind. Rejects with a ControlError. */
export async function saveReport(
  { app, dialog }: Pick<ElectronParts, "app" | "dialog">,
  { fileName, text }: TextFile,
): Promise<string | null> {
  const { canceled, filePath } = await dialog.showSaveDialog({
    defaultPath: join(app.getPath("documents"), basename(fileName)),
    filters: [{ name: "Text", extensions: ["txt"] }],
  });
  if (canceled || filePath === "") return null;
  try {
    await writeFile(filePath, text, { mode: 0o600 });
    return filePath;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    throw new ControlError(
      "internal",
      `The report could not be saved there (${code}).`,
      "Choose another folder.",
    );
  }
}
