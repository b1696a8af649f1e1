// What the shells serve: small, and nothing that the content security policy would refuse. Built before these tests
// (test/support/app/build-renderer.ts).
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

const OUT = fileURLToPath(new URL("../../out/renderer", import.meta.url));
const MAX_BYTES = 250_000;
/** What is fetched before the first screen shows: a second language and the other screens come later. */
const MAX_FIRST_BYTES = 90_000;

const files = readdirSync(OUT, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
const page = readFileSync(join(OUT, "index.html"), "utf8");

function zipped(path: string): number {
  return gzipSync(readFileSync(path)).length;
}

test("scripts, styles and page, of all screens and languages, are under 250 kB with gzip", () => {
  const code = files.filter(({ name }) => /\.(js|css|html)$/.test(name));
  const bytes = code.reduce((sum, { parentPath, name }) => sum + zipped(join(parentPath, name)), 0);
  console.log(`the interface: ${code.length} files, ${(bytes / 1000).toFixed(1)} kB with gzip`);
  expect(bytes).toBeLessThan(MAX_BYTES);
});

test("the first paint waits for a part of it", () => {
  const first = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g)].map(
    (match) => match[1]!,
  );
  const bytes = first.reduce((sum, path) => sum + zipped(join(OUT, path)), 0);
  console.log(`the first paint: ${first.length} files, ${(bytes / 1000).toFixed(1)} kB with gzip`);
  expect(first.length).toBeGreaterThan(1);
  expect(bytes).toBeLessThan(MAX_FIRST_BYTES);
});

test("no script or style stands in the page itself, and nothing comes from elsewhere", () => {
  expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:/i);
  for (const [tag] of page.matchAll(/<script[^>]*>/g)) expect(tag).toMatch(/ src="\.\//);
  expect(page).not.toMatch(/(?:src|href)="(?!\.\/)/);
  for (const { parentPath, name } of files)
    if (name.endsWith(".css"))
      expect(readFileSync(join(parentPath, name), "utf8"), name).not.toMatch(
        /url\((?!["']?\.{0,2}\/)|@import/,
      );
});
