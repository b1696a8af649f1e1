import { encode } from "uqr";

/** Modules around the code. The standard says 4; readers of screens take 2, and the code fits in 24 lines. */
const BORDER = 2;
const WHITE_ON_BLACK = "\u001b[38;5;231;48;5;16m"; // light modules are drawn, dark ones are the ground
const RESET = "\u001b[0m";

export type TerminalQr =
  | { readonly kind: "qr"; readonly text: string; readonly columns: number; readonly version: number }
  | { readonly kind: "too-narrow"; readonly message: string; readonly columns: number };

/**
 * The invite's link as a QR code of half blocks, two modules a character high. It is put in capitals, for the
 * denser alphanumeric mode: scheme, host and base32 mean the same in both cases.
 * `columns` is the terminal's width; with `color` the code is right on light terminals too.
 */
export function terminalQr(link: string, columns: number, color: boolean): TerminalQr {
  const { data, size, version } = encode(link.toUpperCase(), { ecc: "L", border: BORDER });
  if (size > columns) {
    const message =
      `The QR code needs ${size} columns and this terminal has ${columns}: ` +
      "make it wider or its letters smaller, or send the link.";
    return { kind: "too-narrow", message, columns: size };
  }
  const lines: string[] = [];
  for (let y = 0; y < size; y += 2) {
    let line = "";
    for (let x = 0; x < size; x++) {
      const upper = data[y]![x] === false;
      const lower = data[y + 1]?.[x] === false;
      line += upper ? (lower ? "█" : "▀") : lower ? "▄" : " ";
    }
    lines.push(color ? WHITE_ON_BLACK + line + RESET : line);
  }
  return { kind: "qr", text: `${lines.join("\n")}\n`, columns: size, version };
}
