// What the web shell makes of the computer that it was started on.
import { describe, expect, test } from "vitest";
import { acceptedLanguages, environmentLanguages } from "#main/web/languages.ts";
import { hasBrowser, openBrowser, tunnelCommand } from "#main/web/open-browser.ts";

describe("languages", () => {
  test.each([
    ["de-AT,de;q=0.9,en;q=0.8", ["de-AT", "de", "en"]],
    ["en;q=0.1, ar", ["ar", "en"]],
    ["en;q=0, de", ["de"]],
    ["*", []],
    ["<script>, de;q=x, en;q=1", ["en"]],
    [undefined, []],
    ["x,".repeat(100_000), []],
  ])("of a browser: %s", (header, languages) => {
    expect(acceptedLanguages(header)).toEqual(languages);
  });

  test.each([
    [{ LANG: "de_AT.UTF-8" }, ["de-AT"]],
    [{ LANG: "de_DE", LC_ALL: "ar_EG.UTF-8" }, ["ar-EG"]],
    [{ LANG: "en_GB.UTF-8", LANGUAGE: "ar:de" }, ["ar", "de", "en-GB"]],
    [{ LANG: "ca_ES@valencia" }, ["ca-ES"]],
    [{ LANG: "C.UTF-8" }, []],
    [{}, []],
  ])("of a computer: %o", (environment, languages) => {
    expect(environmentLanguages(environment)).toEqual(languages);
  });
});

describe("a browser is opened", () => {
  test.each<[string, NodeJS.ProcessEnv, NodeJS.Platform, number, boolean]>([
    ["on a desktop", { DISPLAY: ":0" }, "linux", 1000, true],
    ["on Wayland", { WAYLAND_DISPLAY: "wayland-0" }, "linux", 1000, true],
    ["on a Mac", {}, "darwin", 501, true],
    ["not without a screen", {}, "linux", 1000, false],
    ["not by root", { DISPLAY: ":0" }, "linux", 0, false],
    ["not at the far end of ssh", { DISPLAY: ":10", SSH_CONNECTION: "a 1 b 22" }, "linux", 1000, false],
  ])("%s", (_, environment, platform, uid, expected) => {
    expect(hasBrowser(environment, platform, uid)).toBe(expected);
  });

  test("where the program for it is missing, that is no failure", async () => {
    const path = process.env["PATH"];
    process.env["PATH"] = "/nonexistent";
    try {
      expect(await openBrowser("http://127.0.0.1:1/", "linux")).toBe(false);
    } finally {
      process.env["PATH"] = path;
    }
  });
});

describe("over ssh, the command for the other end", () => {
  test.each([
    ["192.0.2.9 50000 192.0.2.1 22", /^ssh -L 42271:127\.0\.0\.1:42271 \S+@192\.0\.2\.1$/],
    ["2001:db8::9 50000 2001:db8::1 2222", /^ssh -p 2222 -L 42271:127\.0\.0\.1:42271 \S+@2001:db8::1$/],
  ])("%s", (connection, command) => {
    expect(tunnelCommand({ SSH_CONNECTION: connection }, 42_271)).toMatch(command);
  });

  test.each([[undefined], [""], ["nonsense"]])("none by %s", (connection) => {
    expect(tunnelCommand({ SSH_CONNECTION: connection }, 42_271)).toBeUndefined();
  });
});
