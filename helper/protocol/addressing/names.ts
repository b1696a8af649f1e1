/** Characters (code points) of a member's name. */
export const NAME_LENGTH = 40;

/**
 * A name as people may see it: no control or formatting characters (a bidirectional override could make one
 * member look like another), single spaces, `length` characters at most. May come out empty.
 */
export function cleanName(text: string, length = NAME_LENGTH): string {
  const visible = text
    .slice(0, 16 * length) // work stays bounded, whatever a peer sent
    .normalize("NFC")
    .replace(/\s+/gu, " ")
    .replace(/\p{C}/gu, "")
    .replace(/ {2,}/gu, " ")
    .trim();
  return [...visible].slice(0, length).join("").trim();
}

/** Two names that differ in case alone are one name. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

/** `name`, or where it is taken "name 2", "name 3", ... inside the length limit. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(nameKey(name))) return name;
  for (let n = 2; ; n++) {
    const ending = ` ${n}`;
    const candidate =
      [...name]
        .slice(0, NAME_LENGTH - ending.length)
        .join("")
        .trimEnd() + ending;
    if (!taken.has(nameKey(candidate))) return candidate;
  }
}
