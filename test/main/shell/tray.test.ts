import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { TrayAction, TrayIcon, TrayModel } from "#main/app/tray-model.ts";
import { hasTrayHost, type RunProgram } from "#main/shell/tray-host.ts";
import { AppTray, trayFile } from "#main/shell/tray.ts";
import { electronStandIn } from "#test/support/app/electron-stand-in.ts";

const FOLDER = join(import.meta.dirname, "../../../assets/icons/tray");
const ICONS: readonly TrayIcon[] = ["off", "connecting", "connected", "attention"];
const MODEL: TrayModel = {
  icon: "off",
  tooltip: "Castaway\nHome: not connected",
  menu: [
    { kind: "status", label: "Home: not connected" },
    { kind: "separator" },
    { kind: "item", label: "Connect", action: { type: "connect", network: "n1" } },
    {
      kind: "submenu",
      label: "Members",
      entries: [{ kind: "item", label: "R&D", action: { type: "open" } }],
    },
  ],
};

function make(platform: NodeJS.Platform = "linux", desktop = "KDE") {
  const electron = electronStandIn();
  const acted: TrayAction[] = [];
  const act = (action: TrayAction): void => void acted.push(action);
  const app = new AppTray({ electron: electron.parts, folder: FOLDER, platform, desktop, act }, MODEL);
  const tray = electron.trays[0];
  if (!tray) throw new Error("no tray");
  return { electron, acted, app, tray };
}

test("the menu is set at once, with a status that cannot be clicked, and items that act", () => {
  const { tray, acted } = make();
  expect(tray.toolTip).toBe(MODEL.tooltip);
  expect(tray.labels).toEqual(["Home: not connected", "separator", "Connect", "Members"]);
  expect(tray.menus[0]?.[0]).toEqual({ label: "Home: not connected", enabled: false });
  tray.click("Connect");
  expect(acted).toEqual([{ type: "connect", network: "n1" }]);
});

test("an ampersand in a name is no mnemonic", () => {
  const { tray } = make();
  expect(tray.menus[0]?.[3]?.submenu).toMatchObject([{ label: "R&&D" }]);
});

test("what did not change is not built again; what did, is", () => {
  const { tray, app } = make();
  app.show({ ...MODEL });
  app.show({ ...MODEL, icon: "connecting" });
  expect(tray.menus).toHaveLength(1);
  expect(tray.image).toBe(join(FOLDER, "connecting-on-light.png"));
  app.show({ ...MODEL, menu: MODEL.menu.slice(0, 1) });
  expect(tray.menus).toHaveLength(2);
});

test("a panel that turns dark gets the other picture", () => {
  const { tray, electron } = make();
  electron.parts.nativeTheme.shouldUseDarkColorsForSystemIntegratedUI = true;
  electron.parts.nativeTheme.emit("updated");
  expect(tray.image).toBe(join(FOLDER, "off-on-dark.png"));
});

test("a click that reaches us opens the window, but on macOS, where it opens the menu", () => {
  const linux = make();
  linux.tray.emit("click");
  expect(linux.acted).toEqual([{ type: "open" }]);
  const mac = make("darwin");
  mac.tray.emit("click");
  expect(mac.acted).toEqual([]);
});

test.each([
  ["linux", "KDE", false, "off-on-light.png"],
  ["linux", "KDE", true, "off-on-dark.png"],
  ["linux", "ubuntu:GNOME", false, "off-on-dark.png"],
  ["linux", undefined, false, "off-on-light.png"],
  ["win32", undefined, true, "off-on-dark.ico"],
  ["win32", undefined, false, "off-on-light.ico"],
  ["darwin", undefined, true, "offTemplate.png"],
] as const)("%s, %s, dark %s: %s", (platform, desktop, dark, file) => {
  expect(trayFile("off", platform, desktop, dark)).toBe(file);
});

test("every picture that can be asked for is there", () => {
  for (const platform of ["linux", "win32", "darwin"] as const)
    for (const dark of [true, false])
      for (const icon of ICONS) {
        const file = trayFile(icon, platform, undefined, dark);
        expect(existsSync(join(FOLDER, file)), file).toBe(true);
      }
});

const answering =
  (error: Error | null, stdout: string): RunProgram =>
  (_program, _words, _options, done) =>
    done(error, stdout);

test.each([
  ["   boolean true\n", null, true],
  ["   boolean false\n", null, false],
  ["", new Error("no dbus-send"), true],
] as const)("a desktop that answers %j shows trays: %s", async (stdout, error, expected) => {
  expect(await hasTrayHost("linux", answering(error, stdout))).toBe(expected);
});

test("the others always do", async () => {
  const never: RunProgram = () => {
    throw new Error("nobody is asked");
  };
  expect(await hasTrayHost("darwin", never)).toBe(true);
  expect(await hasTrayHost("win32", never)).toBe(true);
});
