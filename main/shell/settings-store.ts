// The app's settings and its window's place, in electron-store's file. What cannot be read is set aside, never
// overwritten; a value that this version does not know costs that value alone.
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { ControlError } from "#contract/errors.ts";
import { DEFAULT_SETTINGS, type Settings, settingsSchema } from "#main/contract/settings.ts";
import * as v from "valibot";
import { type Place, placeSchema } from "./window.ts";

/** The part of electron-store that is used. */
export interface Store {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
}

export interface StoreOptions {
  readonly cwd: string;
  readonly name: string;
  readonly configFileMode: number;
  readonly accessPropertiesByDotNotation: boolean;
}
export type OpenStore = (options: StoreOptions) => Store;

const NAME = "settings";

export class SettingsStore {
  /** One sentence for whoever looks at the log; null: all is well. */
  readonly note: string | null;
  readonly #store: Store;

  /** `folder`: the app's own, for this user. */
  constructor(folder: string, open: OpenStore) {
    const path = join(folder, `${NAME}.json`);
    try {
      this.note = setAsideIfDamaged(path);
      this.#store = open({
        cwd: folder,
        name: NAME,
        configFileMode: 0o600,
        accessPropertiesByDotNotation: false,
      });
    } catch (error) {
      const why = `The settings in ${path} cannot be used (${codeOf(error)})`;
      this.note = `${why}: the defaults are, and changes last until the app ends.`;
      this.#store = new Map<string, unknown>();
    }
  }

  settings(): Settings {
    const kept = this.#store.get("settings");
    const values = typeof kept === "object" && kept !== null ? (kept as Record<string, unknown>) : {};
    const known = Object.entries(settingsSchema.entries).flatMap(([name, schema]) => {
      const parsed = v.safeParse(schema, values[name]);
      return parsed.success ? [[name, parsed.output]] : [];
    });
    return { ...DEFAULT_SETTINGS, ...(Object.fromEntries(known) as Partial<Settings>) };
  }

  /** Throws a ControlError. */
  saveSettings(settings: Settings): void {
    this.#set("settings", settings);
  }

  place(): Place | undefined {
    const parsed = v.safeParse(placeSchema, this.#store.get("window"));
    return parsed.success ? parsed.output : undefined;
  }

  /** A place that cannot be kept is no reason to trouble anybody. */
  savePlace(place: Place): void {
    try {
      this.#set("window", place);
    } catch {
      // the next window opens where it would anyway
    }
  }

  #set(key: string, value: unknown): void {
    try {
      this.#store.set(key, value);
    } catch (error) {
      throw new ControlError(
        "internal",
        `The settings could not be saved (${codeOf(error)}).`,
        "Look whether the disk is full, and whether the app's folder is yours.",
      );
    }
  }
}

/** electron-store would throw at a file that is no JSON object, or throw its content away. */
function setAsideIfDamaged(path: string): string | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return null; // none yet
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return null;
  } catch {
    // no JSON
  }
  const aside = `${path}.damaged`;
  renameSync(path, aside);
  return `The settings in ${path} were damaged. They were set aside as ${aside}, and the defaults are used.`;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown";
}
