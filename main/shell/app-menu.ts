// The menu bar, which only macOS shows all the time: editing and zooming by keyboard need it. Nothing in it reloads the
// page or opens developer tools.
import type * as Electron from "electron";
import { wordsOf } from "#main/app/words.ts";
import { chosenLanguage } from "#main/contract/settings.ts";
import type { AppState } from "#main/contract/state.ts";

export function menuTemplate({
  settings,
  shell,
}: Pick<AppState, "settings" | "shell">): Electron.MenuItemConstructorOptions[] {
  const words = wordsOf(chosenLanguage(settings.language, shell.languages));
  const view: Electron.MenuItemConstructorOptions = {
    label: words.view,
    submenu: [
      { role: "resetZoom" },
      { role: "zoomIn" },
      { role: "zoomOut" },
      { type: "separator" },
      { role: "togglefullscreen" },
    ],
  };
  const own: Electron.MenuItemConstructorOptions[] = shell.platform === "darwin" ? [{ role: "appMenu" }] : [];
  return [...own, { role: "editMenu" }, view, { role: "windowMenu" }];
}
