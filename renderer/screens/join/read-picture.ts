// The text of a QR code in a picture. All of it happens in this page: the picture goes nowhere.

/** A photograph of a telephone has 10 MB; what is larger is no picture of a QR code. */
export const MAX_PICTURE_BYTES = 30_000_000;
/** Longest sides that are tried. Fine patterns of a screen's photograph vanish in the smaller ones. */
const SIDES = [1600, 800, 400] as const;

export type PictureFault = "not-a-picture" | "too-large" | "no-code";
export type PictureText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly fault: PictureFault };

/** The pixels of a picture, at most `side` wide and high. */
export interface Picture {
  /** The browser's own reader of codes, where it has one: it copes with worse photographs. */
  detect?(): Promise<string | undefined>;
  pixels(side: number): Pixels;
  close(): void;
}

export interface Pixels {
  /** RGBA, row by row. */
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** `open` rejects where the browser cannot read it as a picture. */
export async function readPicture(
  file: Blob,
  open: (file: Blob) => Promise<Picture> = openBitmap,
): Promise<PictureText> {
  if (file.size > MAX_PICTURE_BYTES) return { ok: false, fault: "too-large" };
  let picture: Picture;
  try {
    picture = await open(file);
  } catch {
    return { ok: false, fault: "not-a-picture" };
  }
  try {
    const text = await codeIn(picture);
    return text === undefined ? { ok: false, fault: "no-code" } : { ok: true, text };
  } finally {
    picture.close();
  }
}

/** undefined: there is no code in it that can be read. */
async function codeIn(picture: Picture): Promise<string | undefined> {
  const detected = await picture.detect?.().catch(() => undefined); // it may be there and have no service behind it
  if (detected) return detected;
  const { default: jsQR } = await import("jsqr"); // a quarter of the interface's size, and most people paste a link
  for (const side of SIDES) {
    const { data, width, height } = picture.pixels(side);
    const found = jsQR(data, width, height);
    if (found && found.data !== "") return found.data;
  }
  return undefined;
}

/** The part of https://wicg.github.io/shape-detection-api/ that is used; TypeScript's DOM does not have it. */
interface BarcodeDetector {
  detect(image: ImageBitmap): Promise<readonly { readonly rawValue: string }[]>;
}
declare global {
  interface Window {
    readonly BarcodeDetector?: new (options: { formats: string[] }) => BarcodeDetector;
  }
}

async function openBitmap(file: Blob): Promise<Picture> {
  const bitmap = await createImageBitmap(file);
  const { BarcodeDetector } = window;
  return {
    ...(BarcodeDetector && {
      detect: async () => (await new BarcodeDetector({ formats: ["qr_code"] }).detect(bitmap))[0]?.rawValue,
    }),
    pixels: (side) => {
      const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
      const width = Math.max(1, Math.round(bitmap.width * scale));
      const height = Math.max(1, Math.round(bitmap.height * scale));
      const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
      if (!context) throw new Error("this browser draws no pictures");
      context.fillStyle = "white"; // what is transparent is paper
      context.fillRect(0, 0, width, height);
      context.drawImage(bitmap, 0, 0, width, height);
      return context.getImageData(0, 0, width, height);
    },
    close: () => bitmap.close(),
  };
}
