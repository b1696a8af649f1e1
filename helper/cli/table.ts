import { plainText } from "#contract/plain-text.ts";

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string | number;
  readonly align?: "right";
}

const WIDE =
  /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}/u;

/** Columns that text takes on a terminal, to the accuracy that names need. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += /\p{M}/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** Rows under titles, two spaces between columns. Cells are stripped of control characters. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const cells = rows.map((row) => columns.map((column) => plainText(String(column.value(row)))));
  const lines = [columns.map((column) => column.title), ...cells];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => textWidth(line[i]!))));
  const pad = (text: string, i: number): string => {
    const space = " ".repeat(widths[i]! - textWidth(text));
    return columns[i]!.align === "right" ? space + text : text + space;
  };
  return lines.map((line) => `${line.map(pad).join("  ").trimEnd()}\n`).join("");
}
