// The interface's words. English is part of the bundle, the other languages are loaded when somebody wants them.
// Numbers, dates and plurals follow the language (Intl); who is not translated yet reads English.
import { chosenLanguage, type Language, type Settings } from "#main/contract/settings.ts";
import { createInstance, type TOptions } from "i18next";
import { type English, english, type Namespace } from "./english.ts";

type Words = Record<Namespace, object>;

const OTHERS: Readonly<Record<Exclude<Language, "en">, () => Promise<{ words: Words }>>> = {
  de: () => import("./german.ts"),
  ar: () => import("./arabic.ts"),
};
const RIGHT_TO_LEFT: ReadonlySet<Language> = new Set(["ar"]);

type WithoutPlural<K extends string> =
  K extends `${infer Base}_${"zero" | "one" | "two" | "few" | "many" | "other"}` ? Base : K;
/** "home:connect": namespace and key. What has plural forms is called by the name that they share, with `count`. */
export type WordKey = { [N in Namespace]: `${N}:${WithoutPlural<keyof English[N] & string>}` }[Namespace];

const instance = createInstance();
await instance.init({
  lng: "en",
  fallbackLng: "en",
  resources: { en: english },
  interpolation: { escapeValue: false }, // Svelte escapes
});

let language = $state<Language>("en");

/** A text in the language of the moment. Read in a component, it follows a change of the language. */
export function t(key: WordKey, values: TOptions = {}): string {
  return instance.t(key, { lng: language, ...values });
}

export function currentLanguage(): Language {
  return language;
}

/** Loads and shows the language that the settings name, or the first of the system's that there is. */
export async function useLanguage(wanted: Settings["language"], system: readonly string[]): Promise<void> {
  const chosen = chosenLanguage(wanted, system);
  if (chosen !== "en" && !instance.hasResourceBundle(chosen, "common")) {
    const { words } = await OTHERS[chosen]();
    for (const [namespace, texts] of Object.entries(words))
      instance.addResourceBundle(chosen, namespace, texts);
  }
  language = chosen;
  document.documentElement.lang = chosen;
  document.documentElement.dir = RIGHT_TO_LEFT.has(chosen) ? "rtl" : "ltr";
}
