// What the shell uses of Electron, as interfaces, so that it can be run without: main.ts hands the real module over
// (the compiler checks that it fits), tests a stand-in. Methods are Electron's own types; events are written out,
// because their overloads cannot be picked.
import type * as Electron from "electron";

interface Preventable {
  preventDefault(): void;
}

export interface AppParts extends Pick<
  Electron.App,
  | "enableSandbox"
  | "getLoginItemSettings"
  | "getPath"
  | "getPreferredSystemLanguages"
  | "getVersion"
  | "quit"
  | "requestSingleInstanceLock"
  | "setAppUserModelId"
  | "setAsDefaultProtocolClient"
  | "setLoginItemSettings"
  | "whenReady"
> {
  readonly isPackaged: boolean;
  on(event: "second-instance", listener: (event: unknown, argv: string[]) => void): unknown;
  on(event: "open-url", listener: (event: Preventable, url: string) => void): unknown;
  on(
    event: "web-contents-created",
    listener: (event: unknown, contents: Electron.WebContents) => void,
  ): unknown;
  on(event: "activate" | "before-quit" | "window-all-closed" | "will-quit", listener: () => void): unknown;
}

/** One page, as the window and the rules for pages see it. */
export interface ContentsParts extends Pick<Electron.WebContents, "setWindowOpenHandler"> {
  on(event: "will-navigate" | "will-frame-navigate", listener: (details: Navigation) => void): unknown;
  on(event: "will-redirect" | "will-attach-webview", listener: (event: Preventable) => void): unknown;
}

export interface Navigation extends Preventable {
  readonly url: string;
}

export interface WindowContents extends Pick<Electron.WebContents, "send" | "isDestroyed"> {
  readonly mainFrame: FrameParts;
  on(
    event: "did-start-navigation",
    listener: (details: { readonly isMainFrame: boolean; readonly isSameDocument: boolean }) => void,
  ): unknown;
  on(
    event: "render-process-gone",
    listener: (event: unknown, details: { readonly reason: string }) => void,
  ): unknown;
}

export interface FrameParts {
  /** Of all frames of the app, and the same for as long as the frame is there. */
  readonly frameTreeNodeId: number;
  readonly origin: string;
}

export interface WindowParts extends Pick<
  Electron.BrowserWindow,
  | "destroy"
  | "focus"
  | "getNormalBounds"
  | "isDestroyed"
  | "isMaximized"
  | "isMinimized"
  | "isVisible"
  | "loadURL"
  | "maximize"
  | "restore"
  | "setBackgroundColor"
  | "show"
> {
  readonly webContents: WindowContents;
  on(event: "close" | "closed" | "moved" | "resized", listener: () => void): unknown;
  once(event: "ready-to-show", listener: () => void): unknown;
}

export interface SessionParts extends Pick<
  Electron.Session,
  "setDevicePermissionHandler" | "setPermissionCheckHandler" | "setPermissionRequestHandler"
> {
  readonly webRequest: {
    onBeforeRequest(
      listener: (
        details: { readonly url: string },
        callback: (response: { cancel?: boolean }) => void,
      ) => void,
    ): void;
  };
  on(event: "will-download", listener: (event: Preventable) => void): unknown;
}

export interface TrayParts extends Pick<Electron.Tray, "destroy" | "setToolTip"> {
  setImage(image: string): void;
  setContextMenu(menu: Electron.Menu | null): void;
  on(event: "click", listener: () => void): unknown;
}

export interface IpcEvent {
  readonly sender: unknown;
  /** null where the frame is gone already. */
  readonly senderFrame: FrameParts | null;
}

export interface ElectronParts {
  readonly app: AppParts;
  readonly BrowserWindow: new (options: Electron.BrowserWindowConstructorOptions) => WindowParts;
  readonly Tray: new (image: string) => TrayParts;
  readonly Menu: Pick<typeof Electron.Menu, "buildFromTemplate" | "setApplicationMenu">;
  readonly Notification: {
    new (options: Electron.NotificationConstructorOptions): {
      show(): void;
      on(event: "click", listener: () => void): unknown;
    };
    isSupported(): boolean;
  };
  readonly clipboard: Pick<Electron.Clipboard, "writeText">;
  readonly dialog: {
    showSaveDialog(options: Electron.SaveDialogOptions): Promise<Electron.SaveDialogReturnValue>;
    showMessageBox(options: Electron.MessageBoxOptions): Promise<unknown>;
  };
  readonly ipcMain: {
    on(channel: string, listener: (event: IpcEvent, payload: unknown) => void): unknown;
  };
  readonly nativeTheme: {
    readonly shouldUseDarkColors: boolean;
    /** Of the panel, whatever the app's own theme is. */
    readonly shouldUseDarkColorsForSystemIntegratedUI: boolean;
    themeSource: "system" | "light" | "dark";
    on(event: "updated", listener: () => void): unknown;
  };
  readonly protocol: Pick<Electron.Protocol, "handle" | "registerSchemesAsPrivileged">;
  readonly screen: { getAllDisplays(): readonly { readonly workArea: Electron.Rectangle }[] };
  readonly session: { readonly defaultSession: SessionParts };
  readonly shell: Pick<Electron.Shell, "openExternal" | "openPath">;
}
