// The one window: an ordinary one that can be resized, and that is where it was. It is made when it is wanted and gone
// when it is closed, so that an app in the tray costs no page.
import type * as Electron from "electron";
import * as v from "valibot";
import type { ElectronParts, WindowParts } from "./electron-parts.ts";
import { START_URL } from "./security.ts";

const edge = v.pipe(v.number(), v.integer(), v.minValue(-100_000), v.maxValue(100_000));
const length = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000));
export const placeSchema = v.object({
  bounds: v.object({ x: edge, y: edge, width: length, height: length }),
  maximized: v.boolean(),
});
/** In device-independent pixels. */
export type Place = v.InferOutput<typeof placeSchema>;

const SIZE = { width: 1080, height: 760 };
/** A telephone's width: the interface is made for that too. */
const SMALLEST = { minWidth: 360, minHeight: 480 };
/** The interface's own ground (renderer/styles/tokens.css), so that nothing flashes before it is drawn. */
const GROUND = { light: "#f4ede1", dark: "#111d27" };
/** So much of the title bar must be on a screen for a window to be moved by hand. */
const GRIP = 80;

export interface WindowPlan {
  readonly electron: Pick<ElectronParts, "BrowserWindow" | "nativeTheme" | "screen">;
  readonly preload: string;
  readonly icon: string;
  readonly devTools: boolean;
  readonly platform: NodeJS.Platform;
  readonly place: Place | undefined;
  readonly remember: (place: Place) => void;
}

export function openWindow(plan: WindowPlan): WindowParts {
  const { electron, place } = plan;
  const window = new electron.BrowserWindow({
    ...SIZE,
    ...SMALLEST,
    ...(place && isReachable(place.bounds, electron.screen) ? place.bounds : {}),
    title: "Castaway",
    show: false,
    autoHideMenuBar: true,
    backgroundColor: GROUND[electron.nativeTheme.shouldUseDarkColors ? "dark" : "light"],
    ...(plan.platform === "linux" && { icon: plan.icon }),
    webPreferences: webPreferences(plan.preload, plan.devTools),
  });
  window.once("ready-to-show", () => {
    if (place?.maximized) window.maximize();
    window.show();
  });
  const remember = (): void => {
    const { x, y, width, height } = window.getNormalBounds();
    plan.remember({ bounds: { x, y, width, height }, maximized: window.isMaximized() });
  };
  window.on("close", remember);
  // A page that does not load has no way to say so; the window stays empty, and the log has the reason.
  void window.loadURL(START_URL);
  return window;
}

/** Electron's defaults are right today; that they are is not left to it. */
export function webPreferences(preload: string, devTools: boolean): Electron.WebPreferences {
  return {
    preload,
    devTools,
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    nodeIntegrationInWorker: false,
    nodeIntegrationInSubFrames: false,
    webSecurity: true,
    allowRunningInsecureContent: false,
    experimentalFeatures: false,
    webviewTag: false,
    navigateOnDragDrop: false,
    safeDialogs: true,
    spellcheck: false, // it would fetch dictionaries
  };
}

/** A window is not left on a screen that is gone. */
function isReachable({ x, y, width }: Electron.Rectangle, screen: ElectronParts["screen"]): boolean {
  return screen.getAllDisplays().some(({ workArea: area }) => {
    const overlap = Math.min(x + width, area.x + area.width) - Math.max(x, area.x);
    return overlap >= GRIP && y >= area.y - GRIP / 4 && y <= area.y + area.height - GRIP;
  });
}
