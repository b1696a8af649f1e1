// Puts the desktop app together: a client of the daemon's like the CLI, the app's state, and Electron's window, tray,
// notifications and links around it.
import { ControlError } from "#contract/errors.ts";
import { AppCore } from "#main/app/app-core.ts";
import { Notifications } from "#main/app/notifications.ts";
import { trayModel } from "#main/app/tray-model.ts";
import type { Settings } from "#main/contract/settings.ts";
import type { AppState } from "#main/contract/state.ts";
import { type DaemonClient, HelperLink } from "#main/helper-link/helper-link.ts";
import { RendererSession } from "#main/helper-link/renderer-session.ts";
import type { AskServiceFacts } from "#main/helper-link/service-facts.ts";
import { ShellCalls } from "#main/helper-link/shell-calls.ts";
import { join } from "node:path";
import { Announcer, messageOf } from "./announcer.ts";
import { menuTemplate } from "./app-menu.ts";
import { appProtocol } from "./app-protocol.ts";
import { AppWindow } from "./app-window.ts";
import { type Autostart, autostart } from "./autostart.ts";
import type { ElectronParts } from "./electron-parts.ts";
import { desktopState } from "./desktop-state.ts";
import { PageMessages } from "./ipc.ts";
import { Playlists, saveReport } from "./save-file.ts";
import { APP_SCHEME, secureSession } from "./security.ts";
import { type Elevate, ServiceInstaller } from "./service-installer.ts";
import { type OpenStore, SettingsStore } from "./settings-store.ts";
import { actOnTray } from "./tray-actions.ts";
import { AppTray } from "./tray.ts";

export interface DesktopParts {
  readonly electron: ElectronParts;
  readonly openStore: OpenStore;
  readonly elevate: Elevate;
  /** A new connection to the daemon. Rejects with a ControlError. */
  readonly connect: () => Promise<DaemonClient>;
  readonly facts: AskServiceFacts;
  readonly hasTrayHost: () => Promise<boolean>;
  readonly platform: NodeJS.Platform;
  readonly environment: NodeJS.ProcessEnv;
  readonly uid: number | undefined;
  /** The name or uid of who uses the app. */
  readonly user: string;
  /** The folder that has out/ and assets/. */
  readonly root: string;
  /** What is beside the app's archive. */
  readonly resources: string;
  /** The words that start this program again. */
  readonly program: readonly string[];
  /** Monotonic ms. */
  readonly now: () => number;
  readonly log: (text: string) => void;
}

/** Errors after which an invite is worth another try: the service is not there yet. */
const NOT_THERE: ReadonlySet<string> = new Set(["not-running", "disconnected", "shutting-down"]);

export class DesktopApp {
  readonly core: AppCore;
  readonly #parts: DesktopParts;
  readonly #store: SettingsStore;
  readonly #autostart: Autostart;
  readonly #link: HelperLink;
  readonly #calls: ShellCalls;
  readonly #window: AppWindow;
  readonly #playlists: Playlists;
  readonly #announcer: Announcer;
  readonly #notifications = new Notifications();
  readonly #tray: AppTray | undefined;
  #waitingLink: string | undefined;
  #mayStartConnected = true;
  #refused = 0;

  /** Once Electron is ready. */
  constructor(parts: DesktopParts) {
    const { electron, platform, environment, user } = parts;
    this.#parts = parts;
    this.#store = new SettingsStore(electron.app.getPath("userData"), parts.openStore);
    if (this.#store.note !== null) parts.log(this.#store.note);
    this.#autostart = autostart(electron.app, platform, environment, parts.program);
    this.#playlists = new Playlists(electron.shell, electron.app.getPath("temp"));
    const installer = new ServiceInstaller({
      elevate: parts.elevate,
      platform,
      packaged: electron.app.isPackaged,
      appImage: environment["APPIMAGE"],
      resources: parts.resources,
      uid: parts.uid,
    });
    const settings = { ...this.#store.settings(), autoStart: this.#autostart.isOn() };
    this.core = new AppCore(
      desktopState(electron, { platform, user, manages: installer.isPossible, settings }),
    );
    this.#announcer = new Announcer(electron, this.core, () => this.showWindow());
    this.#link = new HelperLink({
      core: this.core,
      connect: parts.connect,
      facts: parts.facts,
      manages: installer.isPossible,
      user,
    });
    this.#calls = new ShellCalls({
      core: this.core,
      link: this.#link,
      saveSettings: async (settings) => this.#saveSettings(settings),
      actOnService: (action) => installer.act(action),
      play: (playlist) => this.#playlists.play(playlist),
      saveReport: (report) => saveReport(electron, report),
    });
    const pages = new PageMessages(
      electron.ipcMain,
      (send, end) => this.#session(send, end),
      () => this.#refuse(),
    );
    this.#window = new AppWindow({
      electron,
      platform,
      pages,
      root: parts.root,
      place: () => this.#store.place(),
      remember: (place) => this.#store.savePlace(place),
      now: parts.now,
      log: parts.log,
    });
    this.#tray = this.#makeTray();
    let before = this.core.state;
    this.core.subscribe(() => {
      const after = this.core.state;
      this.#changed(before, after);
      before = after;
    });
  }

  /** `hidden`: at login, without a window. */
  start(hidden: boolean, link: string | undefined): void {
    const { electron } = this.#parts;
    electron.protocol.handle(APP_SCHEME, appProtocol(join(this.#parts.root, "out/renderer")));
    secureSession(electron.session.defaultSession, !electron.app.isPackaged);
    this.#applyLook();
    electron.app.on("activate", () => this.showWindow());
    electron.app.on("window-all-closed", () => void this.#closed());
    electron.app.on("will-quit", () => this.#end());
    try {
      this.#autostart.refresh();
    } catch (error) {
      this.#parts.log(messageOf(error));
    }
    this.#link.start();
    if (link !== undefined) this.openLink(link);
    else if (!hidden) this.showWindow();
  }

  /** A link that the system handed over, or undefined where the app was only started again. */
  openLink(link: string | undefined): void {
    this.showWindow();
    if (link === undefined) return;
    this.#waitingLink = undefined;
    this.#calls.openLink(link).catch((error: unknown) => {
      if (!(error instanceof ControlError) || !NOT_THERE.has(error.code)) return this.#announcer.tell(error);
      this.#waitingLink = link;
      // It may have come while the refusal was under way.
      if (error.code === "not-running") this.#openWaitingLink();
    });
  }

  #openWaitingLink(): void {
    const { service, snapshot } = this.core.state;
    if (this.#waitingLink !== undefined && service.state === "running" && snapshot)
      this.openLink(this.#waitingLink);
  }

  showWindow(): void {
    this.#window.show();
  }

  #saveSettings(settings: Settings): void {
    if (settings.autoStart !== this.#autostart.isOn()) this.#autostart.set(settings.autoStart);
    this.#store.saveSettings(settings);
  }

  #session(send: (text: string) => void, end: (reason: string) => void): RendererSession {
    return new RendererSession({
      calls: this.#calls,
      send,
      end: (reason) => {
        this.#parts.log(`the page was closed: ${reason}`);
        end(reason);
      },
    });
  }

  #refuse(): void {
    this.#refused++;
    // A page of ours sends none; whoever does may send many.
    if (this.#refused === 1)
      this.#parts.log("a message that was not our page's, or none that it sends, was refused");
  }

  #makeTray(): AppTray | undefined {
    const { electron, root, platform, environment } = this.#parts;
    try {
      return new AppTray(
        {
          electron,
          folder: join(root, "assets/icons/tray"),
          platform,
          desktop: environment["XDG_CURRENT_DESKTOP"],
          act: (action) => {
            const parts = {
              electron,
              call: (name: string, params: Record<string, unknown>) => this.#calls.answer(name, params),
              words: () => this.#announcer.words,
              showWindow: () => this.showWindow(),
              notify: (title: string, body: string) => this.#announcer.notify(title, body),
            };
            actOnTray(action, parts).catch((error: unknown) => this.#announcer.tell(error));
          },
        },
        trayModel(this.core.state),
      );
    } catch (error) {
      this.#parts.log(`no tray icon: ${messageOf(error)}`);
      return undefined;
    }
  }

  #changed(before: AppState, after: AppState): void {
    this.#tray?.show(trayModel(after));
    if (before.settings !== after.settings) this.#applyLook();
    const now = this.#parts.now();
    for (const { title, body } of this.#notifications.changed(before, after, now, this.#window.isVisible))
      this.#announcer.notify(title, body);
    if (after.service.state !== "running" || !after.snapshot) return;
    this.#openWaitingLink();
    this.#startConnected(after);
  }

  /** Once, when the service is first there. */
  #startConnected({ settings, service, snapshot }: AppState): void {
    if (!this.#mayStartConnected || service.access !== "own") return;
    this.#mayStartConnected = false;
    if (settings.startConnected && snapshot?.networks.some(({ state }) => state === "off"))
      this.#link.call("up", {}).catch((error: unknown) => this.#announcer.tell(error));
  }

  #applyLook(): void {
    const { nativeTheme, Menu } = this.#parts.electron;
    nativeTheme.themeSource = this.core.state.settings.theme;
    Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(this.core.state)));
  }

  async #closed(): Promise<void> {
    const canBeSeen = this.#tray !== undefined && (await this.#parts.hasTrayHost());
    if (!canBeSeen && !this.#window.isOpen) this.#parts.electron.app.quit();
  }

  #end(): void {
    this.#link.end();
    void this.#playlists.removeAll();
  }
}
