// Electron without Electron: each part that the shell uses, by the types of electron.d.ts, and what a test wants to see
// or to say. It remembers what was set, and its events are emitted by tests.
import { EventEmitter } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as Electron from "electron";
import type { ElectronParts } from "#main/shell/electron-parts.ts";
import { StandInSession, StandInTray, StandInWindow, type Template } from "./electron-stand-in-windows.ts";

class StandInApp extends EventEmitter {
  /** What was called, with its arguments, in order. */
  readonly calls: [name: string, ...args: unknown[]][] = [];
  isPackaged = true;
  isFirst = true;
  languages = ["en-GB"];
  loginItem = { openAtLogin: false, wasOpenedAtLogin: false };
  ready: () => void = () => {};
  readonly #paths: Readonly<Record<string, string>>;
  readonly #ready = new Promise<void>((resolve) => {
    this.ready = resolve;
  });

  constructor(folder: string) {
    super();
    this.#paths = { userData: folder, temp: folder, documents: folder };
  }

  called(name: string): boolean {
    return this.calls.some(([one]) => one === name);
  }

  getPath(name: string): string {
    const path = this.#paths[name];
    if (path === undefined) throw new Error(`no path "${name}"`);
    return path;
  }

  getLoginItemSettings(): Electron.LoginItemSettings {
    return {
      ...this.loginItem,
      status: "not-found",
      executableWillLaunchAtLogin: false,
      launchItems: [],
    };
  }

  setLoginItemSettings(settings: Electron.Settings): void {
    this.calls.push(["setLoginItemSettings", settings]);
    this.loginItem.openAtLogin = settings.openAtLogin ?? false;
  }

  setAsDefaultProtocolClient(scheme: string): boolean {
    this.calls.push(["setAsDefaultProtocolClient", scheme]);
    return true;
  }

  setAppUserModelId(id: string): void {
    this.calls.push(["setAppUserModelId", id]);
  }

  requestSingleInstanceLock(): boolean {
    return this.isFirst;
  }

  whenReady(): Promise<void> {
    return this.#ready;
  }

  enableSandbox(): void {
    this.calls.push(["enableSandbox"]);
  }

  quit(): void {
    this.calls.push(["quit"]);
  }

  getVersion(): string {
    return "0.1.0";
  }

  getPreferredSystemLanguages(): string[] {
    return this.languages;
  }
}

class StandInMenu {
  applicationMenu: Template = [];

  /** What is built is only ever handed back: the template itself tells more. */
  buildFromTemplate(template: (Electron.MenuItemConstructorOptions | Electron.MenuItem)[]): Electron.Menu {
    return template as unknown as Electron.Menu;
  }

  setApplicationMenu(menu: Electron.Menu | null): void {
    this.applicationMenu = menu as unknown as Template;
  }
}

class StandInClipboard {
  text = "";

  writeText(text: string): Promise<void> {
    this.text = text;
    return Promise.resolve();
  }
}

class StandInDialog {
  /** Where the person saves; empty: they change their mind. */
  saveTo = "";
  readonly boxes: Electron.MessageBoxOptions[] = [];

  showSaveDialog(): Promise<Electron.SaveDialogReturnValue> {
    return Promise.resolve({ canceled: this.saveTo === "", filePath: this.saveTo });
  }

  showMessageBox(options: Electron.MessageBoxOptions): Promise<void> {
    this.boxes.push(options);
    return Promise.resolve();
  }
}

type ProtocolHandler = (request: Request) => Response | Promise<Response>;

class StandInProtocol {
  readonly schemes: Electron.CustomScheme[] = [];
  readonly handlers = new Map<string, ProtocolHandler>();

  registerSchemesAsPrivileged(custom: Electron.CustomScheme[]): void {
    this.schemes.push(...custom);
  }

  handle(scheme: string, handler: ProtocolHandler): void {
    this.handlers.set(scheme, handler);
  }
}

class StandInShell {
  /** What openPath answers: empty where all is well. */
  problem = "";
  readonly opened: string[] = [];

  openExternal(url: string): Promise<void> {
    this.opened.push(url);
    return Promise.resolve();
  }

  openPath(path: string): Promise<string> {
    this.opened.push(path);
    return Promise.resolve(this.problem);
  }
}

export interface ShownNotification extends EventEmitter {
  readonly title: string;
  readonly body: string;
}

/** `folder`: userData and the rest; a new one otherwise. */
export function electronStandIn(folder = mkdtempSync(join(tmpdir(), "castaway-electron-"))) {
  const windows: StandInWindow[] = [];
  const trays: StandInTray[] = [];
  const notifications: ShownNotification[] = [];
  const app = new StandInApp(folder);
  const menu = new StandInMenu();
  const clipboard = new StandInClipboard();
  const dialog = new StandInDialog();
  const protocol = new StandInProtocol();
  const shell = new StandInShell();
  const parts = {
    app,
    BrowserWindow: class extends StandInWindow {
      constructor(options: Electron.BrowserWindowConstructorOptions) {
        super(options);
        windows.push(this);
      }
    },
    Tray: class extends StandInTray {
      constructor(image: string) {
        super(image);
        trays.push(this);
      }
    },
    Menu: menu,
    Notification: class extends EventEmitter implements ShownNotification {
      readonly title: string;
      readonly body: string;

      constructor({ title = "", body = "" }: Electron.NotificationConstructorOptions) {
        super();
        this.title = title;
        this.body = body;
      }

      show(): void {
        notifications.push(this);
      }

      static isSupported(): boolean {
        return true;
      }
    },
    clipboard,
    dialog,
    ipcMain: new EventEmitter(),
    nativeTheme: Object.assign(new EventEmitter(), {
      shouldUseDarkColors: false,
      shouldUseDarkColorsForSystemIntegratedUI: false,
      themeSource: "system" as const,
    }),
    protocol,
    screen: { getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }] },
    session: { defaultSession: new StandInSession() },
    shell,
  } satisfies ElectronParts;
  return { folder, parts, app, windows, trays, notifications, menu, clipboard, dialog, protocol, shell };
}

export type ElectronStandIn = ReturnType<typeof electronStandIn>;
