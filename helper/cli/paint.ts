import type { Output } from "./context.ts";

const CODES = { green: 32, yellow: 33, red: 31, dim: 2, bold: 1 };

export function paint(output: Output, style: keyof typeof CODES, text: string): string {
  return output.color ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
}
