import { encode } from "uqr";

/** The standard's quiet zone, in modules. */
const QUIET = 4;

export interface QrCode {
  /** Modules on a side, the quiet zone included: the picture's view box. */
  readonly size: number;
  /** The dark modules, as the path of an SVG: one stroke a run. */
  readonly path: string;
}

/**
 * The invite's link as a QR code. It is put in capitals, for the denser alphanumeric mode: scheme, host and base32 mean
 * the same in both cases. Level M: it is read off a screen or a sheet of paper, which has scratches and reflections.
 * Throws where the link is longer than a QR code can hold.
 */
export function qrCode(link: string): QrCode {
  const { data, size } = encode(link.toUpperCase(), { ecc: "M", border: QUIET });
  const runs: string[] = [];
  for (const [y, row] of data.entries())
    for (let x = 0; x < size; x++) {
      if (!row[x]) continue;
      const start = x;
      while (x < size && row[x]) x++;
      runs.push(`M${start} ${y}h${x - start}v1h${start - x}z`);
    }
  return { size, path: runs.join("") };
}
