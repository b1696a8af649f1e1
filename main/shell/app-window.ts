// The window as the rest of the app knows it: there or not, and shown when it is asked for.
import { join } from "node:path";
import type { ElectronParts, WindowParts } from "./electron-parts.ts";
import type { PageMessages } from "./ipc.ts";
import { openWindow, type Place } from "./window.ts";

export interface AppWindowParts {
  readonly electron: ElectronParts;
  readonly platform: NodeJS.Platform;
  /** Hears the page. */
  readonly pages: PageMessages;
  /** The folder that has out/ and assets/. */
  readonly root: string;
  readonly place: () => Place | undefined;
  readonly remember: (place: Place) => void;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly log: (text: string) => void;
}

/** A page that crashes again within this is left closed, until somebody opens it. */
const CRASH_PAUSE_MS = 60_000;

export class AppWindow {
  readonly #parts: AppWindowParts;
  #window: WindowParts | undefined;
  #crashedAt: number | undefined;

  constructor(parts: AppWindowParts) {
    this.#parts = parts;
  }

  get isOpen(): boolean {
    return this.#window !== undefined && !this.#window.isDestroyed();
  }

  /** On the screen, as far as Electron knows. */
  get isVisible(): boolean {
    const window = this.#window;
    return window !== undefined && !window.isDestroyed() && window.isVisible() && !window.isMinimized();
  }

  show(): void {
    const window = this.#window;
    if (window && !window.isDestroyed()) {
      if (window.isMinimized()) window.restore();
      window.show();
      window.focus();
      return;
    }
    const { electron, platform, pages, root, place, remember } = this.#parts;
    const opened = openWindow({
      electron,
      preload: join(root, "out/main/preload.cjs"),
      icon: join(root, "assets/icons/app/256x256.png"),
      devTools: !electron.app.isPackaged,
      platform,
      place: place(),
      remember,
    });
    this.#window = opened;
    opened.on("closed", () => {
      if (this.#window === opened) this.#window = undefined;
    });
    opened.webContents.on("render-process-gone", (_event, { reason }) => this.#crashed(opened, reason));
    pages.serve(opened);
  }

  /** A new one, but not over and over. */
  #crashed(window: WindowParts, reason: string): void {
    const { now, log } = this.#parts;
    log(`the page has ended: ${reason}`);
    const wasVisible = window.isVisible();
    window.destroy();
    const at = now();
    const again = this.#crashedAt === undefined || at - this.#crashedAt >= CRASH_PAUSE_MS;
    this.#crashedAt = at;
    if (wasVisible && again) this.show();
  }
}
