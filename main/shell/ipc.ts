// Messages from pages: those of our window's own page reach its session, all others are counted and forgotten.
import { MAX_REQUEST_CHARACTERS } from "#main/contract/messages.ts";
import type { ElectronParts, IpcEvent, WindowParts } from "./electron-parts.ts";
import { CHANNEL } from "./channel.ts";
import { APP_ORIGIN } from "./security.ts";

/** One loaded page: a new one has a new session. */
export interface PageSession {
  receive(text: string): void;
  close(): void;
}

/** `send` and `end` belong to one page; both do nothing once the page is gone. */
export type OpenSession = (send: (text: string) => void, end: (reason: string) => void) => PageSession;

export class PageMessages {
  readonly #open: OpenSession;
  readonly #refused: () => void;
  #window: WindowParts | undefined;
  #session: PageSession | undefined;

  constructor(ipcMain: ElectronParts["ipcMain"], open: OpenSession, refused: () => void) {
    this.#open = open;
    this.#refused = refused;
    ipcMain.on(CHANNEL, (event, payload) => this.#receive(event, payload));
  }

  /** The window whose page may speak, from now on. */
  serve(window: WindowParts): void {
    this.#close();
    this.#window = window;
    const { webContents } = window;
    webContents.on("did-start-navigation", ({ isMainFrame, isSameDocument }) => {
      if (isMainFrame && !isSameDocument) this.#close(); // a reload: its requests begin with 1 again
    });
    webContents.on("render-process-gone", () => this.#close());
    window.on("closed", () => {
      if (this.#window !== window) return;
      this.#close();
      this.#window = undefined;
    });
  }

  #receive({ sender, senderFrame }: IpcEvent, payload: unknown): void {
    const window = this.#window;
    const contents = window && !window.isDestroyed() ? window.webContents : undefined;
    const isOurs =
      contents !== undefined &&
      sender === contents &&
      senderFrame !== null &&
      senderFrame.frameTreeNodeId === contents.mainFrame.frameTreeNodeId &&
      senderFrame.origin === APP_ORIGIN;
    if (!isOurs || typeof payload !== "string" || payload.length > MAX_REQUEST_CHARACTERS) {
      this.#refused();
      return;
    }
    this.#session ??= this.#start(window as WindowParts);
    this.#session.receive(payload);
  }

  #start(window: WindowParts): PageSession {
    const { webContents } = window;
    const session = this.#open(
      (text) => {
        if (this.#session === session && !webContents.isDestroyed()) webContents.send(CHANNEL, text);
      },
      () => {
        // No page of ours does that: it goes, and whoever opens the window gets a new one.
        if (this.#session !== session) return;
        this.#close();
        window.destroy();
      },
    );
    return session;
  }

  #close(): void {
    this.#session?.close();
    this.#session = undefined;
  }
}
