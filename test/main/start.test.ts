import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { placeFor, type Surroundings } from "#main/start.ts";

let electron: string;
beforeEach(() => (electron = mkdtempSync(join(tmpdir(), "castaway-electron-"))));
afterEach(() => rmSync(electron, { recursive: true, force: true }));

function look(changes: Partial<Surroundings> = {}): ReturnType<typeof placeFor> {
  return placeFor({ environment: { DISPLAY: ":0" }, platform: "linux", uid: 1000, electron, ...changes });
}

function downloaded(folder = join(electron, "dist")): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(electron, "path.txt"), "electron");
  writeFileSync(join(folder, "electron"), "");
  return join(folder, "electron");
}

test("Electron where its binary is", () => {
  expect(look()).toMatchObject({ kind: "web", why: expect.stringContaining("binary is not here") });
  expect(look({ environment: { DISPLAY: ":0" } })).toMatchObject({ kind: "web" });
  const binary = downloaded();
  expect(look()).toEqual({ kind: "electron", binary });
  expect(look({ platform: "darwin", environment: {} })).toEqual({ kind: "electron", binary });
});

test("a package that says it was downloaded, and was not", () => {
  writeFileSync(join(electron, "path.txt"), "electron");
  expect(look().kind).toBe("web");
});

test("another place, as Electron's package has it", () => {
  const elsewhere = join(electron, "elsewhere");
  const environment = { DISPLAY: ":0", ELECTRON_OVERRIDE_DIST_PATH: elsewhere };
  expect(look({ environment }).kind).toBe("web");
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, "electron"), "");
  expect(look({ environment })).toEqual({ kind: "electron", binary: join(elsewhere, "electron") });
});

test.each<[string, Partial<Surroundings>, string]>([
  ["by root", { uid: 0 }, "as root"],
  ["without a screen", { environment: {} }, "no screen"],
])("the browser %s, saying why", (_, changes, why) => {
  downloaded();
  expect(look(changes)).toEqual({ kind: "web", why: expect.stringContaining(why) });
});
