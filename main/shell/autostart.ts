// Starting at login. Electron does that on Windows and macOS; on Linux it is a file of the desktop's, and what a person
// says about it in the desktop's own settings counts.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ControlError } from "#contract/errors.ts";
import type { AppParts } from "./electron-parts.ts";

export const HIDDEN_WORD = "--hidden";

export interface Autostart {
  /** What holds now, whoever said so. */
  isOn(): boolean;
  /** Throws a ControlError. */
  set(on: boolean): void;
  /** Says anew where the program is, which may have moved, if it starts at login. */
  refresh(): void;
}

export function autostart(
  app: AppParts,
  platform: NodeJS.Platform,
  environment: NodeJS.ProcessEnv,
  words: readonly string[],
): Autostart {
  return platform === "linux" ? new DesktopAutostart(environment, words) : new LoginItem(app);
}

/** https://specifications.freedesktop.org/autostart-spec/ */
export class DesktopAutostart implements Autostart {
  readonly #path: string | undefined;
  readonly #words: readonly string[];

  /** `words`: the program's path and what it is started with. */
  constructor(environment: NodeJS.ProcessEnv, words: readonly string[]) {
    const { XDG_CONFIG_HOME: base, HOME: home, APPIMAGE: image } = environment;
    const folder = base?.startsWith("/") ? base : home?.startsWith("/") ? join(home, ".config") : undefined;
    this.#path = folder && join(folder, "autostart", "castaway.desktop");
    // An AppImage runs from a folder that is there only while it runs.
    this.#words = image?.startsWith("/") ? [image] : words;
  }

  isOn(): boolean {
    const text = this.#read();
    if (text === undefined) return false;
    const keys = desktopEntryKeys(text);
    return keys.get("Hidden") !== "true" && keys.get("X-GNOME-Autostart-enabled") !== "false";
  }

  set(on: boolean): void {
    const path = this.#path;
    if (path === undefined) throw failed("This account has no home folder");
    try {
      if (on) write(path, desktopEntry([...this.#words, HIDDEN_WORD]));
      else rmSync(path, { force: true });
    } catch (error) {
      if (error instanceof ControlError) throw error;
      throw failed(`${path} could not be changed (${(error as NodeJS.ErrnoException).code ?? "unknown"})`);
    }
  }

  /** What else somebody wrote into the file stays as long as it starts this program. */
  refresh(): void {
    const entry = desktopEntry([...this.#words, HIDDEN_WORD]);
    const exec = desktopEntryKeys(this.#read() ?? "").get("Exec");
    if (this.#path !== undefined && this.isOn() && exec !== desktopEntryKeys(entry).get("Exec"))
      write(this.#path, entry);
  }

  #read(): string | undefined {
    try {
      return this.#path === undefined ? undefined : readFileSync(this.#path, "utf8");
    } catch {
      return undefined;
    }
  }
}

class LoginItem implements Autostart {
  readonly #app: AppParts;

  constructor(app: AppParts) {
    this.#app = app;
  }

  isOn(): boolean {
    return this.#app.getLoginItemSettings({ args: [HIDDEN_WORD] }).openAtLogin;
  }

  set(on: boolean): void {
    this.#app.setLoginItemSettings({ openAtLogin: on, args: [HIDDEN_WORD] });
  }

  refresh(): void {
    if (this.isOn()) this.set(true);
  }
}

export function desktopEntry(words: readonly string[]): string {
  const [program = ""] = words;
  const lines = [
    "[Desktop Entry]",
    "Type=Application",
    "Name=Castaway",
    "Comment=Your multicast, away from home",
    `TryExec=${escapedValue(program)}`,
    `Exec=${escapedValue(words.map(quoted).join(" "))}`,
    "Icon=castaway-desktop",
    "Terminal=false",
    "X-GNOME-Autostart-enabled=true",
  ];
  return `${lines.join("\n")}\n`;
}

/** An argument of Exec: in quotes, with what a shell would look at escaped, and % doubled. */
function quoted(word: string): string {
  if (/[\p{Cc}]/u.test(word))
    throw failed("The program lies in a folder whose name no autostart file can hold");
  return `"${word.replaceAll(/["`$\\]/g, "\\$&").replaceAll("%", "%%")}"`;
}

/** Every value of a desktop file is unescaped once more, before Exec's own quotes are looked at. */
function escapedValue(value: string): string {
  return value.replaceAll("\\", "\\\\");
}

/** Of the group [Desktop Entry]. */
function desktopEntryKeys(text: string): Map<string, string> {
  const keys = new Map<string, string>();
  let inside = false;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("[")) inside = line.trim() === "[Desktop Entry]";
    const at = line.indexOf("=");
    if (inside && at > 0 && !line.startsWith("#"))
      keys.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  return keys;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.new`;
  writeFileSync(draft, text, { mode: 0o644 });
  renameSync(draft, path); // a link that somebody put there is replaced, not followed
}

function failed(why: string): ControlError {
  return new ControlError("internal", `Starting at login could not be set: ${why}.`);
}
