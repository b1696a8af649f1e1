// The icon in the panel. Linux desktops disagree about what a click does, and some show no icon at all: so the menu is
// always set, rebuilt when something in it changes, and holds all there is.
import { join } from "node:path";
import type * as Electron from "electron";
import type { TrayAction, TrayEntry, TrayIcon, TrayModel } from "#main/app/tray-model.ts";
import type { ElectronParts, TrayParts } from "./electron-parts.ts";

export interface TrayPlan {
  readonly electron: Pick<ElectronParts, "Tray" | "Menu" | "nativeTheme">;
  /** assets/icons/tray */
  readonly folder: string;
  readonly platform: NodeJS.Platform;
  /** XDG_CURRENT_DESKTOP, "ubuntu:GNOME". */
  readonly desktop: string | undefined;
  readonly act: (action: TrayAction) => void;
}

export class AppTray {
  readonly #plan: TrayPlan;
  readonly #tray: TrayParts;
  #shown: TrayModel;
  #image: string;
  #menu = "";

  /** Throws what Electron throws where there can be no tray. */
  constructor(plan: TrayPlan, model: TrayModel) {
    this.#plan = plan;
    this.#shown = model;
    this.#image = this.#file(model.icon);
    this.#tray = new plan.electron.Tray(this.#image);
    // macOS opens the menu by a click; elsewhere a click that reaches us means the window.
    if (plan.platform !== "darwin") this.#tray.on("click", () => plan.act({ type: "open" }));
    plan.electron.nativeTheme.on("updated", () => this.show(this.#shown));
    this.show(model);
  }

  show(model: TrayModel): void {
    this.#shown = model;
    const image = this.#file(model.icon);
    if (image !== this.#image) this.#tray.setImage(image);
    this.#image = image;
    // A menu that is replaced while it is open closes on some desktops: only news are worth that.
    const menu = JSON.stringify([model.tooltip, model.menu]);
    if (menu === this.#menu) return;
    this.#menu = menu;
    this.#tray.setToolTip(model.tooltip);
    this.#tray.setContextMenu(this.#plan.electron.Menu.buildFromTemplate(this.#template(model.menu)));
  }

  #template(entries: readonly TrayEntry[]): Electron.MenuItemConstructorOptions[] {
    return entries.map((entry): Electron.MenuItemConstructorOptions => {
      switch (entry.kind) {
        case "separator":
          return { type: "separator" };
        case "status":
          return { label: escaped(entry.label), enabled: false };
        case "item":
          return { label: escaped(entry.label), click: () => this.#plan.act(entry.action) };
        case "submenu":
          return { label: escaped(entry.label), submenu: this.#template(entry.entries) };
      }
    });
  }

  #file(icon: TrayIcon): string {
    const { folder, platform, desktop, electron } = this.#plan;
    return join(
      folder,
      trayFile(icon, platform, desktop, electron.nativeTheme.shouldUseDarkColorsForSystemIntegratedUI),
    );
  }
}

/** Windows and macOS say whether their panel is dark; the panels of GNOME and its kin always are. */
export function trayFile(
  icon: TrayIcon,
  platform: NodeJS.Platform,
  desktop: string | undefined,
  dark: boolean,
): string {
  if (platform === "darwin") return `${icon}Template.png`;
  const darkPanel = dark || (platform === "linux" && /gnome|unity|pantheon|budgie/i.test(desktop ?? ""));
  return `${icon}-${darkPanel ? "on-dark" : "on-light"}.${platform === "win32" ? "ico" : "png"}`;
}

/** An ampersand marks a letter to press; two are one. */
function escaped(label: string): string {
  return label.replaceAll("&", "&&");
}
