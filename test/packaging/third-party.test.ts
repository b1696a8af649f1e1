import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bundledPackages } from "#packaging/bundled.ts";
import { ROOT } from "#packaging/system-files.ts";
import { licenceOf, thirdPartyText } from "#packaging/third-party.ts";

test("what is bundled is listed, and what only the build or the tests use is not", async () => {
  const { service, app } = await bundledPackages();
  expect(service).toEqual(
    expect.arrayContaining([
      "@fontsource-variable/atkinson-hyperlegible-next", // a file, and no module
      "koffi",
      "sodium-native", // of a library's library
      "svelte", // of the interface alone
      "valibot",
    ]),
  );
  expect(service).not.toContain("electron-store");
  expect(app).toEqual(expect.arrayContaining(["electron-store", ...service]));
  for (const name of ["typescript", "vite", "vitest", "rolldown", "electron"])
    expect(app).not.toContain(name);
});

test("each licence is there in full, beside the version that it is of", async () => {
  const { app } = await bundledPackages();
  const text = await thirdPartyText("app");
  const words = (some: string): string => some.replaceAll(/\s+/g, " ");
  for (const name of app) {
    const { version } = JSON.parse(
      readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8"),
    ) as {
      version: string;
    };
    expect(text).toContain(`\n  ${name} ${version}\n`);
  }
  const svelte = readFileSync(join(ROOT, "node_modules/svelte/LICENSE.md"), "utf8");
  expect(words(text)).toContain(words(svelte).trim());
  expect(text).toContain("SIL OPEN FONT LICENSE"); // the font's
  expect(text).toContain(`\n  Node.js ${process.versions.node}\n`);
  expect(text).toContain("V8, located at deps/v8, is licensed as follows");
  expect(text).toContain("Frank Denis"); // libsodium, inside of sodium-native's machine code
});

test("a package that brings no text of its licence ends the build, until somebody has found it", () => {
  expect(licenceOf("noise-curve-ed").text).toContain("ISC License");
  expect(() => licenceOf("@koromix/koffi-linux-x64")).toThrow(/brings no text of its licence \(MIT\)/);
  expect(() => licenceOf("no-such-package")).toThrow(
    "no-such-package is bundled, and is not in node_modules",
  );
});
