import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { DEFAULT_SETTINGS } from "#main/contract/settings.ts";
import { type OpenStore, SettingsStore } from "#main/shell/settings-store.ts";

let folder: string;
let file: string;
let open: OpenStore;

beforeAll(async () => {
  // electron-store asks Electron for a folder where it is given none: here there is no Electron, and a folder is given.
  const hooks = registerHooks({
    resolve: (name, context, next) =>
      name === "electron"
        ? { url: "data:text/javascript,export default {}", shortCircuit: true }
        : next(name, context),
  });
  const { default: ElectronStore } = await import("electron-store");
  hooks.deregister();
  open = (options) => new ElectronStore(options);
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "castaway-settings-"));
  file = join(folder, "settings.json");
});

const PLACE = { bounds: { x: 1, y: 2, width: 700, height: 600 }, maximized: false };

test("none yet: the defaults, and no place", () => {
  const store = new SettingsStore(folder, open);
  expect(store.settings()).toEqual(DEFAULT_SETTINGS);
  expect(store.place()).toBeUndefined();
  expect(store.note).toBeNull();
});

test("what was chosen is there the next time, for this user alone to read", () => {
  const store = new SettingsStore(folder, open);
  const chosen = { ...DEFAULT_SETTINGS, theme: "dark", language: "ar", startConnected: true } as const;
  store.saveSettings(chosen);
  store.savePlace(PLACE);
  const again = new SettingsStore(folder, open);
  expect(again.settings()).toEqual(chosen);
  expect(again.place()).toEqual(PLACE);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test.each(["", "{", "[]", "null", "42", '"text"', "\0\0\0\0", '{"settings":'])(
  "a file that holds %j is set aside, and the defaults are used",
  (text) => {
    writeFileSync(file, text);
    const store = new SettingsStore(folder, open);
    expect(store.settings()).toEqual(DEFAULT_SETTINGS);
    expect(store.note).toBe(
      `The settings in ${file} were damaged. They were set aside as ${file}.damaged, and the defaults are used.`,
    );
    expect(readFileSync(`${file}.damaged`, "utf8")).toBe(text);
    store.saveSettings({ ...DEFAULT_SETTINGS, theme: "light" });
    expect(new SettingsStore(folder, open).settings().theme).toBe("light");
  },
);

test("a value that this version does not know costs that value alone", () => {
  writeFileSync(
    file,
    JSON.stringify({
      settings: { theme: "sepia", language: "de", autoStart: "yes", welcomed: true, later: 1 },
      window: { bounds: { x: 0, y: 0, width: -5, height: 1e9 }, maximized: "no" },
    }),
  );
  const store = new SettingsStore(folder, open);
  expect(store.settings()).toEqual({ ...DEFAULT_SETTINGS, language: "de", welcomed: true });
  expect(store.place()).toBeUndefined();
  expect(readdirSync(folder)).toEqual(["settings.json"]);
});

test.each([[[]], ["text"], [null]])("settings that are %j are none", (settings) => {
  writeFileSync(file, JSON.stringify({ settings }));
  expect(new SettingsStore(folder, open).settings()).toEqual(DEFAULT_SETTINGS);
});

test("a disk that is full is a sentence for settings, and nobody's trouble for a place", () => {
  const full: OpenStore = () => ({
    get: () => undefined,
    set: () => {
      throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    },
  });
  const store = new SettingsStore(folder, full);
  expect(() => store.saveSettings(DEFAULT_SETTINGS)).toThrow("The settings could not be saved (ENOSPC).");
  store.savePlace(PLACE);
});

test("a file that cannot even be set aside costs what was kept, and not the app", () => {
  const broken: OpenStore = () => {
    throw Object.assign(new Error("no"), { code: "EACCES" });
  };
  const store = new SettingsStore(folder, broken);
  expect(store.note).toBe(
    `The settings in ${file} cannot be used (EACCES): the defaults are, and changes last until the app ends.`,
  );
  store.saveSettings({ ...DEFAULT_SETTINGS, theme: "dark" });
  expect(store.settings().theme).toBe("dark");
});
