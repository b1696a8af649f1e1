import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { icns, ICONS_FOLDER, ico, renderIcons } from "../../assets/render-icons.ts";

const rendered = renderIcons();
const picture = (path: string): Buffer => readFileSync(join(ICONS_FOLDER, path));
/** Of the IHDR chunk. */
const edge = (png: Uint8Array): number => Buffer.from(png).readUInt32BE(16);

test("the pictures that are committed are what the SVGs say today: npm run icons", () => {
  const committed = ["app", "tray"].flatMap((folder) =>
    readdirSync(join(ICONS_FOLDER, folder)).map((name) => `${folder}/${name}`),
  );
  expect(committed.toSorted()).toEqual([...rendered.keys()].toSorted());
  const stale = committed.filter((path) => !picture(path).equals(rendered.get(path) ?? Buffer.alloc(0)));
  expect(stale).toEqual([]);
});

test("a PNG is as large as its name says, and a @2x twice its fellow", () => {
  for (const path of rendered.keys()) {
    const named = /\/(\d+)x\1\.png$/.exec(path);
    if (named) expect(edge(picture(path)), path).toBe(Number(named[1]));
    if (path.endsWith("@2x.png"))
      expect(edge(picture(path)), path).toBe(2 * edge(picture(path.replace("@2x", ""))));
  }
});

test("each state of the tray is a picture of its own, also without colours", () => {
  const templates = [...rendered.keys()].filter((path) => path.endsWith("Template.png"));
  expect(templates).toHaveLength(4);
  expect(new Set(templates.map((path) => picture(path).toString("base64"))).size).toBe(4);
});

test("an ICO's directory leads to its PNGs, and 256 is written as 0", () => {
  const [small, large] = [Buffer.from("small"), Buffer.from("larger")];
  const file = Buffer.from(
    ico([
      [16, small],
      [256, large],
    ]),
  );
  expect(file.subarray(0, 6).toString("hex")).toBe("000001000200");
  expect([file[6], file[22]]).toEqual([16, 0]);
  for (const [entry, bytes] of [
    [6, small],
    [22, large],
  ] as const) {
    const offset = file.readUInt32LE(entry + 12);
    expect(file.subarray(offset, offset + file.readUInt32LE(entry + 8))).toEqual(bytes);
  }
});

test("an ICNS counts its own header", () => {
  expect(Buffer.from(icns([["ic07", Buffer.from("png")]])).toString("latin1")).toBe(
    "icns\0\0\0\x13ic07\0\0\0\x0bpng",
  );
});
