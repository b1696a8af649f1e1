/** What keeps a line from being used, as a sentence. */
export class Mistake extends Error {
  override name = "Mistake";
}

/** What somebody wrote, where it may be anything. */
export function quoted(word: string): string {
  return `"${word.slice(0, 40)}"`;
}
