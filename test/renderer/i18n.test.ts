import { describe, expect, test } from "vitest";
import { LANGUAGES, systemLanguage } from "#main/contract/settings.ts";
import { words as arabic } from "#renderer/i18n/arabic.ts";
import { english, type Namespace } from "#renderer/i18n/english.ts";
import { words as german } from "#renderer/i18n/german.ts";
import { currentLanguage, t, useLanguage } from "#renderer/i18n/i18n.svelte.ts";

const WORDS = { en: english, de: german, ar: arabic } as const;
const NAMESPACES = Object.keys(english) as Namespace[];
const PLURAL = /_(zero|one|two|few|many|other)$/;

/** Keys without their plural forms, with the forms that each has. */
function forms(texts: Record<string, string>): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const key of Object.keys(texts)) {
    const base = key.replace(PLURAL, "");
    const form = PLURAL.exec(key)?.[1];
    const known = found.get(base) ?? found.set(base, new Set()).get(base)!;
    if (form) known.add(form);
  }
  return found;
}

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]!).toSorted();
}

describe.each(LANGUAGES)("%s", (language) => {
  test.each(NAMESPACES)(
    "%s has the keys of English, and every plural form that the language has",
    (namespace) => {
      const ours = forms(WORDS[language][namespace]);
      const theirs = forms(english[namespace]);
      expect([...ours.keys()].toSorted()).toEqual([...theirs.keys()].toSorted());
      const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
      for (const [key, has] of ours)
        if (theirs.get(key)!.size > 0)
          expect([...has], `${namespace}:${key}`).toEqual(expect.arrayContaining(needed));
    },
  );

  test.each(NAMESPACES)(
    "%s has the placeholders of English, a text everywhere, and no markup",
    (namespace) => {
      const texts: Record<string, string> = WORDS[language][namespace];
      const reference: Record<string, string> = english[namespace];
      for (const [key, text] of Object.entries(texts)) {
        expect(text.trim(), key).not.toBe("");
        expect(text, key).not.toMatch(/<[a-z/]/i);
        const wanted = placeholders(reference[key] ?? reference[key.replace(PLURAL, "_other")]!);
        const got = placeholders(text);
        // A form for one or two may say the number in words, and of none there is nothing more to say.
        const optional = key.endsWith("_zero") ? wanted : PLURAL.test(key) ? ["count"] : [];
        expect(
          got.filter((name) => !optional.includes(name)),
          `${namespace}:${key}`,
        ).toEqual(wanted.filter((name) => !optional.includes(name)));
        if (key.endsWith("_other") && wanted.includes("count")) expect(got, key).toContain("count");
      }
    },
  );
});

describe("a language is chosen", () => {
  test.each([
    [["de-AT", "en-GB"], "de"],
    [["fr-FR", "ar-EG", "en"], "ar"],
    [["en-US"], "en"],
    [["zh-Hans", "fr"], "en"],
    [[], "en"],
    [["DE_de.UTF-8"], "de"],
  ] as const)("by the system's %j: %s", (system, chosen) => {
    expect(systemLanguage(system)).toBe(chosen);
  });

  test("and the page says so to the browser: its tag, and its direction", async () => {
    await useLanguage("ar", []);
    expect([currentLanguage(), document.documentElement.lang, document.documentElement.dir]).toEqual([
      "ar",
      "ar",
      "rtl",
    ]);
    expect(t("common:cancel")).toBe(arabic.common.cancel);
    expect(t("common:requestsWaiting", { count: 2 })).toBe(arabic.common.requestsWaiting_two);
    await useLanguage("system", ["de"]);
    expect([document.documentElement.lang, document.documentElement.dir]).toEqual(["de", "ltr"]);
    expect(t("common:requestsWaiting", { count: 3 })).toBe("3 Gäste warten auf Antwort");
    await useLanguage("en", []);
  });
});
