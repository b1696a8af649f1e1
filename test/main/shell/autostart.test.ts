import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { autostart, desktopEntry, DesktopAutostart } from "#main/shell/autostart.ts";
import { electronStandIn } from "#test/support/app/electron-stand-in.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "castaway-autostart-"));
  file = join(folder, "autostart/castaway.desktop");
});
const make = (words = ["/opt/Castaway/castaway-desktop"], more: NodeJS.ProcessEnv = {}): DesktopAutostart =>
  new DesktopAutostart({ XDG_CONFIG_HOME: folder, ...more }, words);
const put = (text: string): void => {
  mkdirSync(join(folder, "autostart"), { recursive: true });
  writeFileSync(file, text);
};

describe("Linux", () => {
  test("on: a real file that starts the app without its window", () => {
    const one = make();
    expect(one.isOn()).toBe(false);
    one.set(true);
    expect(one.isOn()).toBe(true);
    expect(lstatSync(file).isFile()).toBe(true);
    expect(readFileSync(file, "utf8").split("\n")).toEqual([
      "[Desktop Entry]",
      "Type=Application",
      "Name=Castaway",
      "Comment=Your multicast, away from home",
      "TryExec=/opt/Castaway/castaway-desktop",
      'Exec="/opt/Castaway/castaway-desktop" "--hidden"',
      "Icon=castaway-desktop",
      "Terminal=false",
      "X-GNOME-Autostart-enabled=true",
      "",
    ]);
  });

  test("off: no file, also a second time", () => {
    const one = make();
    one.set(true);
    one.set(false);
    one.set(false);
    expect(existsSync(file)).toBe(false);
    expect(one.isOn()).toBe(false);
  });

  test.each(["Hidden=true", "X-GNOME-Autostart-enabled=false"])(
    "what the desktop's own settings wrote counts: %s",
    (line) => {
      const text = `[Desktop Entry]\nExec=x\n${line}\n`;
      put(text);
      const one = make();
      expect(one.isOn()).toBe(false);
      one.refresh();
      expect(readFileSync(file, "utf8")).toBe(text);
      one.set(true);
      expect(one.isOn()).toBe(true);
    },
  );

  test("a key of another group, or in a comment, does not", () => {
    put("[Desktop Entry]\nExec=x\n#Hidden=true\n[Desktop Action x]\nHidden=true\n");
    expect(make().isOn()).toBe(true);
  });

  test("an AppImage is started by its own path, which survives the run", () => {
    make(["/tmp/.mount_x/castaway-desktop"], { APPIMAGE: "/home/a/Apps/Castaway 1.AppImage" }).set(true);
    expect(readFileSync(file, "utf8")).toContain('Exec="/home/a/Apps/Castaway 1.AppImage" "--hidden"');
  });

  test("an app that has moved says so, if it starts at login at all", () => {
    make(["/old/castaway"]).set(true);
    make(["/new/castaway"]).refresh();
    expect(readFileSync(file, "utf8")).toContain('Exec="/new/castaway"');
    make().set(false);
    make(["/new/castaway"]).refresh();
    expect(existsSync(file)).toBe(false);
  });

  test("what somebody added to the file stays, as long as it starts this program", () => {
    make().set(true);
    const text = `${readFileSync(file, "utf8")}X-GNOME-Autostart-Delay=20\n`;
    put(text);
    make().refresh();
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("a link that lies there is replaced, and what it leads to is left alone", () => {
    mkdirSync(join(folder, "autostart"));
    writeFileSync(join(folder, "theirs"), "theirs");
    symlinkSync(join(folder, "theirs"), file);
    make().set(true);
    expect(lstatSync(file).isSymbolicLink()).toBe(false);
    expect(readFileSync(join(folder, "theirs"), "utf8")).toBe("theirs");
  });

  test("a home that cannot be written to is a sentence", () => {
    writeFileSync(join(folder, "autostart"), "a file where the folder should be");
    expect(() => make().set(true)).toThrow(
      /^Starting at login could not be set: .* could not be changed \(E/,
    );
  });

  test("no home at all is one too", () => {
    const one = new DesktopAutostart({}, ["/x"]);
    expect(one.isOn()).toBe(false);
    expect(() => one.set(true)).toThrow("This account has no home folder");
    one.refresh();
  });

  test("a path with a line feed is refused: no such file can hold it", () => {
    expect(() => make(["/home/a\nExec=evil/x"]).set(true)).toThrow("no autostart file can hold");
    expect(existsSync(file)).toBe(false);
  });
});

describe("as the desktop reads it", () => {
  const hard = ['/home/a b/it\'s "$HOME" `x` 100% \\n/castaway', "--hidden"];

  test("quotes, dollars, percents and backslashes are escaped twice, as the specification has it", () => {
    const exec = /^Exec=(.*)$/m.exec(desktopEntry(hard))?.[1];
    expect(exec).toBe(
      '"/home/a b/it\'s \\\\"\\\\$HOME\\\\" \\\\`x\\\\` 100%% \\\\\\\\n/castaway" "--hidden"',
    );
  });
});

test("Windows and macOS have a login item", () => {
  const { parts, app } = electronStandIn();
  const one = autostart(parts.app, "win32", {}, []);
  expect(one.isOn()).toBe(false);
  one.refresh();
  expect(app.calls).toEqual([]);
  one.set(true);
  expect(app.calls).toEqual([["setLoginItemSettings", { openAtLogin: true, args: ["--hidden"] }]]);
  expect(one.isOn()).toBe(true);
});
