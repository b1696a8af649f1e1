import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DEFAULT_SETTINGS } from "#main/contract/settings.ts";
import { SettingsFile, settingsPath } from "#main/web/settings-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "castaway-settings-"));
  path = join(folder, "castaway", "web.json");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function kept(text: string): ReturnType<SettingsFile["load"]> {
  mkdirSync(join(folder, "castaway"));
  writeFileSync(path, text);
  return new SettingsFile(path).load();
}

test("where it is", () => {
  expect(settingsPath({ XDG_CONFIG_HOME: "/x", HOME: "/h" })).toBe("/x/castaway/web.json");
  expect(settingsPath({ HOME: "/h" })).toBe("/h/.config/castaway/web.json");
  expect(settingsPath({ XDG_CONFIG_HOME: "relative", HOME: "/h" })).toBe("/h/.config/castaway/web.json");
  expect(settingsPath({})).toBeUndefined();
});

test("no file: the defaults, and nothing is said or made", () => {
  expect(new SettingsFile(path).load()).toEqual({ settings: DEFAULT_SETTINGS, note: null });
  expect(readdirSync(folder)).toEqual([]);
});

test("what was saved is there again, for this user alone, and nothing else is left behind", async () => {
  const settings = { ...DEFAULT_SETTINGS, theme: "dark", language: "ar" } as const;
  await new SettingsFile(path).save(settings);
  expect(new SettingsFile(path).load()).toEqual({ settings, note: null });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(folder, "castaway"))).toEqual(["web.json"]);
});

test("of several that are saved at once the last one stays", async () => {
  const file = new SettingsFile(path);
  await Promise.all(
    (["dark", "light", "system", "dark"] as const).map((theme) => file.save({ ...DEFAULT_SETTINGS, theme })),
  );
  expect(file.load().settings.theme).toBe("dark");
});

test.each([
  ["no JSON", "{"],
  ["nothing", ""],
  ["a list", "[]"],
  ["far too long", `"${"x".repeat(100_000)}"`],
])("a damaged file (%s) is set aside with a word, never overwritten", async (_, text) => {
  const { settings, note } = kept(text);
  expect(settings).toEqual(DEFAULT_SETTINGS);
  expect(note).toContain("set aside");
  expect(readFileSync(`${path}.damaged`, "utf8")).toBe(text);
  await new SettingsFile(path).save(DEFAULT_SETTINGS);
  expect(readFileSync(`${path}.damaged`, "utf8")).toBe(text);
});

test("a value that this version does not know costs that value alone", () => {
  expect(kept('{"theme":"dark","language":"tlh","welcomed":1,"autoStart":true,"more":1}')).toEqual({
    settings: { ...DEFAULT_SETTINGS, theme: "dark", autoStart: true },
    note: null,
  });
});

test("where nothing can be written: a sentence with the place, and the next attempt works", async () => {
  writeFileSync(join(folder, "castaway"), "a file is in the way");
  const file = new SettingsFile(path);
  await expect(file.save(DEFAULT_SETTINGS)).rejects.toMatchObject({
    message: expect.stringContaining(path),
    remedy: expect.stringContaining("disk"),
  });
  rmSync(join(folder, "castaway"));
  await file.save(DEFAULT_SETTINGS);
  expect(existsSync(path)).toBe(true);
});

test("what cannot be read is left alone", () => {
  mkdirSync(path, { recursive: true }); // root could read a file without permissions
  expect(new SettingsFile(path).load()).toEqual({
    settings: DEFAULT_SETTINGS,
    note: expect.stringContaining("cannot be read (EISDIR)"),
  });
  expect(existsSync(path)).toBe(true);
});

test("without a home they last as long as the program", async () => {
  await new SettingsFile(undefined).save(DEFAULT_SETTINGS);
  expect(new SettingsFile(undefined).load()).toEqual({ settings: DEFAULT_SETTINGS, note: null });
});
