// What a person chooses about the app itself. The daemon keeps its own settings, for all who use the computer.
import * as v from "valibot";

/** Languages that the app speaks, by BCP 47 tag. */
export const LANGUAGES = ["en", "de", "ar"] as const;
export type Language = (typeof LANGUAGES)[number];

export const settingsSchema = v.object({
  /** system: the first of the system's languages that the app speaks. */
  language: v.picklist(["system", ...LANGUAGES]),
  theme: v.picklist(["system", "light", "dark"]),
  /** Start the app at login, without its window. */
  autoStart: v.boolean(),
  /** Connect the networks when the app starts. */
  startConnected: v.boolean(),
  notifications: v.boolean(),
  /** The first steps were taken, or skipped. */
  welcomed: v.boolean(),
});
export type Settings = v.InferOutput<typeof settingsSchema>;

export const settingsChangeSchema = v.partial(v.strictObject(settingsSchema.entries));
export type SettingsChange = v.InferOutput<typeof settingsChangeSchema>;

export const DEFAULT_SETTINGS: Settings = {
  language: "system",
  theme: "system",
  autoStart: false,
  startConnected: false,
  notifications: true,
  welcomed: false,
};

/** The first of the system's languages (BCP 47 tags, the best first) that the app speaks. */
export function systemLanguage(system: readonly string[]): Language {
  const tags = system.map((tag) => tag.toLowerCase().split(/[-_]/)[0]);
  return (
    LANGUAGES.find((one) => one === tags.find((tag) => LANGUAGES.some((known) => known === tag))) ?? "en"
  );
}

export function chosenLanguage(wanted: Settings["language"], system: readonly string[]): Language {
  return wanted === "system" ? systemLanguage(system) : wanted;
}
