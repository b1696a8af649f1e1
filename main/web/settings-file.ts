// The web shell's settings: a small JSON that this user alone may read, in the place where programs keep such. Written
// whole, to a new file, then renamed; what cannot be read is set aside, never overwritten.
import { mkdirSync, readFileSync, renameSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { ControlError } from "#contract/errors.ts";
import { DEFAULT_SETTINGS, type Settings, settingsSchema } from "#main/contract/settings.ts";
import * as v from "valibot";

const MAX_CHARACTERS = 65_536;

/** undefined: this user has no home. */
export function settingsPath(environment: NodeJS.ProcessEnv): string | undefined {
  const { XDG_CONFIG_HOME: base, HOME: home } = environment;
  if (base?.startsWith("/")) return join(base, "castaway", "web.json");
  return home?.startsWith("/") ? join(home, ".config", "castaway", "web.json") : undefined;
}

export class SettingsFile {
  readonly #path: string | undefined;
  /** One after the other: the last that was chosen is the one that stays. */
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** The defaults where there is no file; with a sentence where there is one that cannot be used. */
  load(): { readonly settings: Settings; readonly note: string | null } {
    if (this.#path === undefined) return { settings: DEFAULT_SETTINGS, note: null };
    let text: string;
    try {
      text = readFileSync(this.#path, "utf8");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const note =
        code === "ENOENT" ? null : `${this.#path} cannot be read (${code}): the defaults are used.`;
      return { settings: DEFAULT_SETTINGS, note };
    }
    const settings = parseSettings(text);
    if (settings) return { settings, note: null };
    return { settings: DEFAULT_SETTINGS, note: this.#setAside(this.#path) };
  }

  /** Rejects with a ControlError. */
  save(settings: Settings): Promise<void> {
    const path = this.#path;
    if (path === undefined) return Promise.resolve(); // kept as long as the program runs
    const written = this.#writing.then(() => write(path, settings));
    this.#writing = written.catch(() => {});
    return written;
  }

  #setAside(path: string): string {
    const aside = `${path}.damaged`;
    try {
      mkdirSync(dirname(path), { recursive: true });
      renameSync(path, aside);
      return `The settings in ${path} were damaged. They were set aside as ${aside}, and the defaults are used.`;
    } catch {
      return `The settings in ${path} are damaged: the defaults are used.`;
    }
  }
}

/** Each value by itself: one that a newer or older version does not know costs that one alone. */
function parseSettings(text: string): Settings | undefined {
  if (text.length > MAX_CHARACTERS) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const known = Object.entries(settingsSchema.entries).flatMap(([name, schema]) => {
    const parsed = v.safeParse(schema, (value as Record<string, unknown>)[name]);
    return parsed.success ? [[name, parsed.output]] : [];
  });
  return { ...DEFAULT_SETTINGS, ...(Object.fromEntries(known) as Partial<Settings>) };
}

async function write(path: string, settings: Settings): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(`${JSON.stringify(settings, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    throw new ControlError(
      "internal",
      `The settings could not be saved in ${path} (${code}).`,
      "Look whether the disk is full, and whether the folder is yours.",
    );
  }
}
