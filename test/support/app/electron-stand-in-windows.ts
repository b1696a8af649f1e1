// The parts of the Electron stand-in that a page or a panel sees: window, page, tray, session.
import { EventEmitter } from "node:events";
import type * as Electron from "electron";
import type {
  ContentsParts,
  FrameParts,
  SessionParts,
  TrayParts,
  WindowParts,
} from "#main/shell/electron-parts.ts";

export type Template = Electron.MenuItemConstructorOptions[];
type RequestHandler = Parameters<SessionParts["setPermissionRequestHandler"]>[0];
type CheckHandler = Parameters<SessionParts["setPermissionCheckHandler"]>[0];
type DeviceHandler = Parameters<SessionParts["setDevicePermissionHandler"]>[0];
type OpenHandler = Parameters<ContentsParts["setWindowOpenHandler"]>[0];
type RequestListener = Parameters<SessionParts["webRequest"]["onBeforeRequest"]>[0];

let nextFrame = 1;

export class StandInContents extends EventEmitter {
  readonly sent: string[] = [];
  mainFrame: FrameParts = { origin: "app://castaway", frameTreeNodeId: nextFrame++ };
  openHandler: OpenHandler | undefined;
  gone = false;

  send(_channel: string, text: string): void {
    this.sent.push(text);
  }

  isDestroyed(): boolean {
    return this.gone;
  }

  setWindowOpenHandler(handler: OpenHandler): void {
    this.openHandler = handler;
  }
}

export class StandInWindow extends EventEmitter implements WindowParts {
  readonly webContents = new StandInContents();
  readonly options: Electron.BrowserWindowConstructorOptions;
  url = "";
  visible = false;
  minimized = false;
  maximized = false;
  focused = 0;

  constructor(options: Electron.BrowserWindowConstructorOptions) {
    super();
    this.options = options;
  }

  loadURL(url: string): Promise<void> {
    this.url = url;
    return Promise.resolve();
  }

  show(): void {
    this.visible = true;
  }

  focus(): void {
    this.focused++;
  }

  maximize(): void {
    this.maximized = true;
  }

  restore(): void {
    this.minimized = false;
  }

  isVisible(): boolean {
    return this.visible;
  }

  isMinimized(): boolean {
    return this.minimized;
  }

  isMaximized(): boolean {
    return this.maximized;
  }

  isDestroyed(): boolean {
    return this.webContents.gone;
  }

  setBackgroundColor(): void {}

  getNormalBounds(): Electron.Rectangle {
    const { x = 0, y = 0, width = 0, height = 0 } = this.options;
    return { x, y, width, height };
  }

  /** As a person does it; `destroy` asks nobody. */
  close(): void {
    this.emit("close");
    this.destroy();
  }

  destroy(): void {
    this.webContents.gone = true;
    this.visible = false;
    this.emit("closed");
  }
}

export class StandInTray extends EventEmitter implements TrayParts {
  image: string;
  toolTip = "";
  /** Templates, the newest last. */
  readonly menus: Template[] = [];

  constructor(image: string) {
    super();
    this.image = image;
  }

  setImage(image: string): void {
    this.image = image;
  }

  setToolTip(text: string): void {
    this.toolTip = text;
  }

  setContextMenu(menu: Electron.Menu | null): void {
    this.menus.push(menu as unknown as Template);
  }

  destroy(): void {}

  get labels(): string[] {
    return (this.menus.at(-1) ?? []).map(({ label, type }) => label ?? type ?? "");
  }

  click(label: string): void {
    const item = this.menus.at(-1)?.find((one) => one.label === label);
    if (!item) throw new Error(`no "${label}" among ${this.labels.join(", ")}`);
    (item.click as () => void)();
  }
}

export class StandInSession extends EventEmitter implements SessionParts {
  requestHandler: RequestHandler = null;
  checkHandler: CheckHandler = null;
  deviceHandler: DeviceHandler = null;
  requestListener: RequestListener | undefined;
  readonly webRequest = {
    onBeforeRequest: (listener: RequestListener): void => {
      this.requestListener = listener;
    },
  };

  setPermissionRequestHandler(handler: RequestHandler): void {
    this.requestHandler = handler;
  }

  setPermissionCheckHandler(handler: CheckHandler): void {
    this.checkHandler = handler;
  }

  setDevicePermissionHandler(handler: DeviceHandler): void {
    this.deviceHandler = handler;
  }
}
