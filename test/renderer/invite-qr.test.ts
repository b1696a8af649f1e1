import { describe, expect, test } from "vitest";
import { qrCode } from "#renderer/screens/invite/qr-code.ts";
import {
  MAX_PICTURE_BYTES,
  type Picture,
  type Pixels,
  readPicture,
} from "#renderer/screens/join/read-picture.ts";

const LINK = `castaway://join/${"aebagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qcc".repeat(3)}`;

const BLACK = [0, 0, 0];
const WHITE = [255, 255, 255];

/** The path as a browser fills it, `scale` pixels a module. */
function drawn(link: string, scale: number, [dark, light] = [BLACK, WHITE]): Pixels {
  const { size, path } = qrCode(link);
  const width = size * scale;
  const data = new Uint8ClampedArray(width * width * 4).fill(255);
  const paint = (x: number, y: number, colour: readonly number[]): void => {
    for (let row = y * scale; row < (y + 1) * scale; row++)
      for (let column = x * scale; column < (x + 1) * scale; column++)
        data.set(colour, (row * width + column) * 4);
  };
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) paint(x, y, light!);
  for (const [, x, y, run] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g))
    for (let i = 0; i < Number(run); i++) paint(Number(x) + i, Number(y), dark!);
  return { data, width, height: width };
}

function pictureOf(pixels: (side: number) => Pixels, more: Partial<Picture> = {}) {
  const picture = { pixels, closed: 0, close: () => void picture.closed++, ...more };
  return picture;
}

const FILE = new Blob(["any"]);

describe("the QR code of an invite", () => {
  test.each([2, 3, 5])("is read back, %i pixels a module", async (scale) => {
    const picture = pictureOf(() => drawn(LINK, scale));
    expect(await readPicture(FILE, async () => picture)).toEqual({ ok: true, text: LINK.toUpperCase() });
    expect(picture.closed).toBe(1);
  });

  test("holds the longest link there is", () => {
    const longest = `castaway://join/${"a".repeat(2048 - 16)}`;
    expect(qrCode(longest).size).toBeLessThanOrEqual(177 + 8);
  });

  test("has a quiet zone of four modules on every side", () => {
    const { size, path } = qrCode(LINK);
    for (const [, x, y, run] of path.matchAll(/M(\d+) (\d+)h(\d+)/g)) {
      expect(Math.min(Number(x), Number(y))).toBeGreaterThanOrEqual(4);
      expect(Math.max(Number(x) + Number(run), Number(y) + 1)).toBeLessThanOrEqual(size - 4);
    }
  });

  test("is read in light on dark too, as a photograph of a terminal has it", async () => {
    const picture = pictureOf(() => drawn(LINK, 4, [WHITE, BLACK]));
    expect(await readPicture(FILE, async () => picture)).toMatchObject({ ok: true });
  });
});

describe("a picture", () => {
  const blank = (side: number): Pixels => ({
    data: new Uint8ClampedArray(side * side * 4).fill(255),
    width: side,
    height: side,
  });

  test("is tried in several sizes before it is given up", async () => {
    const sides: number[] = [];
    const picture = pictureOf((side) => {
      sides.push(side);
      return side === 400 ? drawn(LINK, 3) : blank(64);
    });
    expect(await readPicture(FILE, async () => picture)).toMatchObject({ ok: true });
    expect(sides).toEqual([1600, 800, 400]);
  });

  test("without a code says so, and is let go", async () => {
    const picture = pictureOf(() => blank(64));
    expect(await readPicture(FILE, async () => picture)).toEqual({ ok: false, fault: "no-code" });
    expect(picture.closed).toBe(1);
  });

  test("that is none says so", async () => {
    const open = () => Promise.reject(new DOMException("The source image could not be decoded."));
    expect(await readPicture(FILE, open)).toEqual({ ok: false, fault: "not-a-picture" });
  });

  test("of more than 30 MB is not even opened", async () => {
    let opened = false;
    const huge = { size: MAX_PICTURE_BYTES + 1 } as Blob;
    const open = async () => {
      opened = true;
      return pictureOf(() => blank(64));
    };
    expect(await readPicture(huge, open)).toEqual({ ok: false, fault: "too-large" });
    expect(opened).toBe(false);
  });

  test("is given to the browser's own reader first, whose failure costs nothing", async () => {
    const known = pictureOf(() => blank(64), { detect: async () => LINK });
    expect(await readPicture(FILE, async () => known)).toEqual({ ok: true, text: LINK });
    const broken = pictureOf(() => drawn(LINK, 3), { detect: () => Promise.reject(new Error("no service")) });
    expect(await readPicture(FILE, async () => broken)).toEqual({ ok: true, text: LINK.toUpperCase() });
  });
});
