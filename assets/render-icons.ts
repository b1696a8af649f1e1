// `npm run icons`: draws the pictures that systems want (PNG, ICO, ICNS) from the SVGs in assets/icons/svg. They are
// committed, so that a build needs no drawing, and test/main/icons.test.ts says when they are out of date.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Resvg } from "@resvg/resvg-js";

export const ICONS_FOLDER = join(import.meta.dirname, "icons");

/** Edge lengths in pixels. */
const APP_SIZES = [16, 22, 24, 32, 48, 64, 128, 256, 512, 1024] as const;
const APP_ICO_SIZES = [16, 24, 32, 48, 64, 128, 256] as const;
const TRAY_ICO_SIZES = [16, 20, 24, 32, 48] as const;
/** What panels of Linux desktops scale from, and what the menu bar of macOS has. */
const TRAY_SIZE = 24;
const TEMPLATE_SIZE = 16;
/** Up to here the rings and the mast of the large picture would be mud. */
const LARGEST_SMALL = 24;
/** Types of an icon file of macOS (ICNS) whose data is a PNG, with that PNG's edge. */
const ICNS_TYPES = [
  ["ic11", 32],
  ["ic12", 64],
  ["ic07", 128],
  ["ic08", 256],
  ["ic09", 512],
  ["ic10", 1024],
] as const;

const TRAY_STATES = ["off", "connecting", "connected", "attention"] as const;
/** The colours that the SVGs are drawn in, which each kind of panel replaces. */
const INK = "#1c2a33";
const LAMP = "#c2500c";
const PANELS = {
  "on-light": { [INK]: INK, [LAMP]: LAMP },
  "on-dark": { [INK]: "#f4ecdf", [LAMP]: "#f2a04c" },
} as const;
/** macOS colours a template image itself: black and transparency alone. */
const TEMPLATE = { [INK]: "#000000", [LAMP]: "#000000" } as const;

/** Each file's bytes by its path under assets/icons. */
export function renderIcons(): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const size of APP_SIZES) files.set(`app/${size}x${size}.png`, appPng(size));
  files.set("app/app.ico", ico(APP_ICO_SIZES.map((size) => [size, appPng(size)])));
  files.set("app/app.icns", icns(ICNS_TYPES.map(([type, size]) => [type, appPng(size)])));
  for (const state of TRAY_STATES) {
    const source = svg(`tray-${state}.svg`);
    for (const [panel, colours] of Object.entries(PANELS)) {
      const text = recolour(source, colours);
      files.set(`tray/${state}-${panel}.png`, png(text, TRAY_SIZE));
      files.set(`tray/${state}-${panel}@2x.png`, png(text, 2 * TRAY_SIZE));
      files.set(`tray/${state}-${panel}.ico`, ico(TRAY_ICO_SIZES.map((size) => [size, png(text, size)])));
    }
    const template = recolour(source, TEMPLATE);
    files.set(`tray/${state}Template.png`, png(template, TEMPLATE_SIZE));
    files.set(`tray/${state}Template@2x.png`, png(template, 2 * TEMPLATE_SIZE));
  }
  return files;
}

function svg(name: string): string {
  return readFileSync(join(ICONS_FOLDER, "svg", name), "utf8");
}

function appPng(size: number): Uint8Array {
  return png(svg(size <= LARGEST_SMALL ? "app-small.svg" : "app.svg"), size);
}

function png(source: string, size: number): Uint8Array {
  return new Resvg(source, { fitTo: { mode: "width", value: size } }).render().asPng();
}

function recolour(source: string, colours: Readonly<Record<string, string>>): string {
  return source.replaceAll(/#[\da-f]{6}\b/g, (colour) => colours[colour] ?? colour);
}

/** An icon file of Windows: a directory of 16 bytes an entry, then the PNGs. An edge of 256 is written as 0. */
export function ico(pictures: readonly (readonly [size: number, png: Uint8Array])[]): Uint8Array {
  const header = Buffer.alloc(6 + 16 * pictures.length);
  header.writeUInt16LE(1, 2);
  header.writeUInt16LE(pictures.length, 4);
  let offset = header.length;
  for (const [index, [size, bytes]] of pictures.entries()) {
    const entry = 6 + 16 * index;
    header.writeUInt8(size % 256, entry);
    header.writeUInt8(size % 256, entry + 1);
    header.writeUInt16LE(1, entry + 4); // planes
    header.writeUInt16LE(32, entry + 6); // bits a pixel
    header.writeUInt32LE(bytes.length, entry + 8);
    header.writeUInt32LE(offset, entry + 12);
    offset += bytes.length;
  }
  return Buffer.concat([header, ...pictures.map(([, bytes]) => bytes)]);
}

/** An icon file of macOS: "icns", its length, and each picture behind its type and length, big-endian. */
export function icns(pictures: readonly (readonly [type: string, png: Uint8Array])[]): Uint8Array {
  const chunks = pictures.map(([type, bytes]) => chunk(type, bytes));
  return chunk("icns", Buffer.concat(chunks));
}

function chunk(type: string, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.write(type, "latin1");
  header.writeUInt32BE(8 + bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

if (import.meta.main) {
  for (const folder of ["app", "tray"]) rmSync(join(ICONS_FOLDER, folder), { recursive: true, force: true });
  const files = renderIcons();
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(ICONS_FOLDER, path)), { recursive: true });
    writeFileSync(join(ICONS_FOLDER, path), bytes);
  }
  console.log(`${files.size} pictures in ${ICONS_FOLDER}`);
}
