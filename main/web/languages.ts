// The languages of whoever sits there, the best first, as BCP 47 tags.

const TAG = /^[a-z]{2,3}(?:-[a-z\d]{2,8}){0,3}$/i;
const MAX_LANGUAGES = 8;

/** "C" and "POSIX" are none; what looks like one can still be none, "de-de-AT". */
function isTag(text: string): boolean {
  if (!TAG.test(text)) return false;
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
}

/** Of Accept-Language (RFC 9110, 12.5.4): "de-DE,de;q=0.9,en;q=0.8". */
export function acceptedLanguages(header: string | undefined): string[] {
  return (header ?? "")
    .slice(0, 500)
    .split(",")
    .map((one) => {
      const [tag = "", quality] = one.trim().split(/\s*;\s*q=/i);
      return { tag, quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ tag, quality }) => isTag(tag) && quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .slice(0, MAX_LANGUAGES)
    .map(({ tag }) => tag);
}

/** Of the environment (POSIX): "de_AT.UTF-8" is de-AT; LANGUAGE, a list, comes first where there is one. */
export function environmentLanguages(environment: NodeJS.ProcessEnv): string[] {
  const { LANGUAGE, LC_ALL, LC_MESSAGES, LANG } = environment;
  return [...(LANGUAGE ?? "").split(":"), LC_ALL || LC_MESSAGES || LANG || ""]
    .map((one) => one.replace(/[.@].*$/, "").replaceAll("_", "-"))
    .filter((tag, index, all) => isTag(tag) && all.indexOf(tag) === index)
    .slice(0, MAX_LANGUAGES);
}
