// The order in which things happen before Electron is ready: some of it is refused later.
import { DesktopApp, type DesktopParts } from "./desktop-app.ts";
import { HIDDEN_WORD } from "./autostart.ts";
import { linkIn, listenForLinks } from "./opened-links.ts";
import { secureApp } from "./security.ts";
import { isFirstInstance } from "./single-instance.ts";

/** As Windows knows the app: electron-builder's appId. */
const APP_ID = "app.castaway.desktop";

/** Resolves with the app once it is there; with undefined where another one runs already, which was told. */
export async function startDesktop(
  parts: DesktopParts,
  argv: readonly string[],
): Promise<DesktopApp | undefined> {
  const { electron, platform } = parts;
  const { app } = electron;
  secureApp(electron);
  let desktop: DesktopApp | undefined;
  let early = linkIn(argv);
  const open = (link: string | undefined): void => {
    if (desktop) desktop.openLink(link);
    else early = link ?? early;
  };
  if (!isFirstInstance(app, open)) {
    app.quit();
    return undefined;
  }
  listenForLinks(app, platform, open);
  if (platform === "win32") app.setAppUserModelId(APP_ID);
  await app.whenReady();
  desktop = new DesktopApp(parts);
  const atLogin =
    argv.includes(HIDDEN_WORD) || (platform === "darwin" && app.getLoginItemSettings().wasOpenedAtLogin);
  desktop.start(atLogin, early);
  return desktop;
}
