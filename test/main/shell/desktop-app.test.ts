import { afterEach, describe, expect, test, vi } from "vitest";
import { ControlError } from "#contract/errors.ts";
import type { Network } from "#contract/snapshot.ts";
import { decodeShellMessage, encodeMessage } from "#main/contract/messages.ts";
import { NO_FACTS } from "#main/app/service-state.ts";
import { DEFAULT_SETTINGS } from "#main/contract/settings.ts";
import type { DesktopApp, DesktopParts } from "#main/shell/desktop-app.ts";
import type { Store } from "#main/shell/settings-store.ts";
import { startDesktop } from "#main/shell/start.ts";
import { StandInTray } from "#test/support/app/electron-stand-in-windows.ts";
import { type ElectronStandIn, electronStandIn } from "#test/support/app/electron-stand-in.ts";
import { fakeNetwork } from "#test/support/app/fake-state.ts";
import { FakeClient, NOT_RUNNING } from "../helper-link/fake-client.ts";

const LINK = "castaway://join/abcdefgh";
const ended: (() => void)[] = [];
/** As soon as it holds: machines that run tests are slow at times. */
const soon = <T>(check: () => T): Promise<T> => vi.waitFor(check, { timeout: 15_000, interval: 10 });
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

interface Options {
  readonly argv?: readonly string[];
  readonly kept?: Record<string, unknown>;
  readonly client?: FakeClient;
  /** false: nobody listens. */
  readonly daemon?: boolean;
  readonly electron?: ElectronStandIn;
  readonly changes?: Partial<DesktopParts>;
}

/** The app, ready, with a daemon behind it that exists in the test alone. */
async function start({
  argv = [],
  kept = {},
  client = new FakeClient(),
  daemon = true,
  electron = electronStandIn(),
  changes = {},
}: Options = {}) {
  const state = { daemon, trayHost: true, commands: [] as string[], logged: [] as string[] };
  const store: Store = { get: (key) => kept[key], set: (key, value) => void (kept[key] = value) };
  const parts: DesktopParts = {
    electron: electron.parts,
    openStore: () => store,
    elevate: (command, _options, done) => {
      state.commands.push(command);
      done();
    },
    connect: async () => {
      if (!state.daemon) throw NOT_RUNNING;
      return client;
    },
    facts: async () => NO_FACTS,
    hasTrayHost: async () => state.trayHost,
    platform: "linux",
    environment: { XDG_CONFIG_HOME: electron.folder },
    uid: 1000,
    user: "ada",
    root: "/opt/app",
    resources: "/opt/Castaway/resources",
    program: ["/opt/Castaway/castaway-desktop"],
    now: () => 0,
    log: (text) => state.logged.push(text),
    ...changes,
  };
  const starting = startDesktop(parts, ["castaway-desktop", ...argv]);
  electron.app.ready();
  const app = (await starting) as DesktopApp;
  ended.push(() => electron.app.emit("will-quit"));
  if (daemon) await soon(() => expect(app.core.state.snapshot).not.toBeNull());
  const tray = electron.trays[0] ?? new StandInTray("none");
  return { ...electron, electron, app, client, state, kept, tray };
}

const networks = (changes: Partial<Network>) => ({ networks: [fakeNetwork(changes)] });
const methods = (client: FakeClient): string[] => client.calls.map(({ method }) => method);
const inspected = {
  networkName: "Home",
  fingerprint: "aaaa bbbb",
  expiresAt: 1,
  expired: false,
  endpoints: [],
  ways: [],
  known: false,
};

describe("starting", () => {
  test("shows the window, the tray, and a state that says what this shell can do", async () => {
    const { windows, app, tray, protocol, parts } = await start();
    expect(windows.map(({ url }) => url)).toEqual(["app://castaway/index.html"]);
    expect(windows[0]?.options.webPreferences?.preload).toBe("/opt/app/out/main/preload.cjs");
    expect(app.core.state.shell).toMatchObject({
      kind: "electron",
      can: { autoStart: true, notify: true, manageService: true, play: true, save: true },
    });
    expect(tray.image).toBe("/opt/app/assets/icons/tray/connected-on-light.png");
    expect(protocol.handlers.has("app")).toBe(true);
    expect(parts.session.defaultSession.requestListener).toBeDefined();
  });

  test("at login: the tray and no window", async () => {
    const { windows, trays } = await start({ argv: ["--hidden"] });
    expect(windows).toEqual([]);
    expect(trays).toHaveLength(1);
  });

  test("a second one ends at once, and the first shows its window", async () => {
    const { electron, windows } = await start();
    electron.app.emit("second-instance", {}, ["castaway-desktop"]);
    expect(windows).toHaveLength(1);
    expect(windows[0]?.focused).toBe(1);
    const second = electronStandIn();
    second.app.isFirst = false;
    const parts = { electron: second.parts, platform: "linux" } as Partial<DesktopParts> as DesktopParts;
    expect(await startDesktop(parts, ["castaway-desktop", LINK])).toBeUndefined();
    expect(second.app.called("quit")).toBe(true);
    expect(second.windows).toEqual([]);
  });

  test("where there can be no tray, there is a window, and closing it ends the app", async () => {
    const electron = electronStandIn();
    electron.parts.Tray = class extends StandInTray {
      constructor(image: string) {
        super(image);
        throw new Error("no panel");
      }
    };
    const { windows, state, app } = await start({ electron });
    expect(state.logged).toEqual(["no tray icon: no panel"]);
    expect(windows).toHaveLength(1);
    expect(app.core.state.service.state).toBe("running");
    windows[0]?.close();
    electron.app.emit("window-all-closed");
    await soon(() => expect(electron.app.called("quit")).toBe(true));
  });

  test("networks are connected if that was chosen, once, and none is made", async () => {
    const client = new FakeClient();
    client.change(networks({ state: "off" }));
    const { client: same } = await start({
      client,
      kept: { settings: { ...DEFAULT_SETTINGS, startConnected: true } },
    });
    same.change(networks({ state: "connecting" }));
    same.change(networks({ state: "off" })); // somebody disconnected it since
    expect(methods(client)).toEqual(["up"]);
    const none = new FakeClient();
    none.change({ networks: [] });
    await start({ client: none, kept: { settings: { ...DEFAULT_SETTINGS, startConnected: true } } });
    expect(methods(none)).toEqual([]);
  });

  test("and left alone if not", async () => {
    const client = new FakeClient();
    client.change(networks({ state: "off" }));
    await start({ client });
    expect(methods(client)).toEqual([]);
  });
});

describe("invite links", () => {
  const joining = (): FakeClient => {
    const client = new FakeClient();
    client.answers["invite.inspect"] = () => inspected;
    return client;
  };

  test.each([
    ["the command line", { argv: [LINK] }, undefined],
    ["the command line at login", { argv: ["--hidden", LINK] }, undefined],
    ["a second start", {}, ["second-instance", {}, ["castaway-desktop", LINK]]],
    ["macOS", {}, ["open-url", { preventDefault: () => {} }, LINK]],
  ] as const)("by %s: shown for a yes, and nothing is joined", async (_way, options, event) => {
    const { app, electron, client, windows } = await start({ ...options, client: joining() });
    if (event) electron.app.emit(...(event as unknown as [string]));
    await soon(() => expect(app.core.state.pendingInvite).toMatchObject({ link: LINK, networkName: "Home" }));
    expect(windows).toHaveLength(1);
    expect(methods(client)).not.toContain("join");
  });

  test.each([
    "castaway://join/<script>alert(1)</script>",
    "castaway://join/../../etc/passwd",
    "castaway:",
    "amt://<script>alert(1)</script>",
    `amt://198.51.100.10@232.1.1.1?${"a".repeat(10_000_000)}`,
    `castaway://join/${"a".repeat(10_000_000)}`,
  ])("a hostile one is refused with a sentence, daemon or none", async (link) => {
    const { app, dialog } = await start({ argv: [link], daemon: false });
    await soon(() => expect(dialog.boxes).toHaveLength(1));
    expect(dialog.boxes[0]?.detail).toMatch(/\.$|invite/);
    expect(app.core.state.pendingInvite).toBeNull();
    expect(app.core.state.pendingStream).toBeNull();
  });

  test("an amt:// one is shown for a yes too, daemon or none, and nothing is asked for", async () => {
    const { app, client, windows } = await start({ argv: ["amt://198.51.100.10@232.1.1.1:5001"] });
    await soon(() => expect(app.core.state.pendingStream).toMatchObject({ group: "232.1.1.1", port: 5001 }));
    expect(windows).toHaveLength(1);
    expect(methods(client)).not.toContain("amt.join");
    const alone = await start({ argv: ["amt://198.51.100.10@232.1.1.1"], daemon: false });
    expect(alone.app.core.state.pendingStream).toMatchObject({ source: "198.51.100.10" });
  });

  test("where the service is not there yet, the link waits for it", async () => {
    const { app, state, dialog } = await start({ argv: [LINK], daemon: false, client: joining() });
    await soon(() => expect(app.core.state.service.state).toBe("stopped"));
    expect(app.core.state.pendingInvite).toBeNull();
    state.daemon = true;
    await soon(() => expect(app.core.state.pendingInvite?.link).toBe(LINK));
    expect(dialog.boxes).toEqual([]);
  });

  test("what the daemon says against it is told", async () => {
    const client = new FakeClient();
    client.answers["invite.inspect"] = () => {
      throw new ControlError("invite-damaged", "this invite link is damaged", "Ask for it again.");
    };
    const { dialog } = await start({ argv: [LINK], client });
    await soon(() =>
      expect(dialog.boxes[0]?.detail).toBe("this invite link is damaged\n\nAsk for it again."),
    );
  });
});

describe("the tray", () => {
  test("connect and disconnect are the daemon's", async () => {
    const { tray, client } = await start();
    tray.click("Disconnect");
    client.change(networks({ state: "off" }));
    tray.click("Connect");
    await soon(() =>
      expect(client.calls).toEqual([
        { method: "down", params: { network: "n1" } },
        { method: "up", params: { network: "n1" } },
      ]),
    );
  });

  test("an invite is made, and its link is on the clipboard, not in a notification", async () => {
    const { tray, client, clipboard, notifications } = await start();
    client.change(networks({ role: "host" }));
    client.answers["invite.create"] = () => ({
      link: LINK,
      networkName: "Home",
      endpoints: [],
      ways: [],
      invite: {
        id: "i1",
        label: "",
        createdAt: 0,
        expiresAt: 1,
        usesLeft: 1,
        usesTotal: 1,
        approval: false,
        state: "open",
      },
    });
    tray.click("Copy an invite link");
    await soon(() => expect(clipboard.text).toBe(LINK));
    await soon(() => expect(notifications).toHaveLength(1));
    expect(JSON.stringify([notifications[0]?.title, notifications[0]?.body])).not.toContain("castaway:");
  });

  test("quit leaves the tunnel", async () => {
    const { tray, client, electron } = await start();
    tray.click("Quit (the tunnel stays up)");
    expect(electron.app.called("quit")).toBe(true);
    electron.app.emit("will-quit");
    expect(methods(client)).toEqual([]);
    expect(client.closed).toBe(true);
  });

  test("disconnect and quit does both, in this order", async () => {
    const { tray, client, electron } = await start();
    let quitBefore: boolean | undefined;
    client.answers["down"] = () => {
      quitBefore = electron.app.called("quit");
      return {};
    };
    tray.click("Disconnect and quit");
    await soon(() => expect(electron.app.called("quit")).toBe(true));
    expect(quitBefore).toBe(false);
    expect(client.calls).toEqual([{ method: "down", params: {} }]);
  });

  test("where disconnecting fails, the app stays and says why", async () => {
    const { tray, client, electron, dialog } = await start();
    client.answers["down"] = () => {
      throw new ControlError("timeout", "the daemon did not answer", null);
    };
    tray.click("Disconnect and quit");
    await soon(() => expect(dialog.boxes[0]).toMatchObject({ detail: "the daemon did not answer" }));
    expect(electron.app.called("quit")).toBe(false);
  });

  test("a service that is away is an item with a way out, never a riddle", async () => {
    const { tray, app, dialog } = await start({ daemon: false });
    await soon(() => expect(app.core.state.service.state).toBe("stopped"));
    expect(tray.image).toContain("attention");
    tray.click("Start the service");
    // The files that root would run are not there: it says so, and runs nothing.
    await soon(() => expect(dialog.boxes[0]?.detail).toContain("Nothing was run as root"));
  });
});

describe("the window", () => {
  const say = (
    one: Awaited<ReturnType<typeof start>>,
    call: string,
    params: Record<string, unknown>,
  ): void => {
    const contents = one.windows.at(-1)?.webContents;
    const event = { sender: contents, senderFrame: contents?.mainFrame };
    one.parts.ipcMain.emit("castaway", event, encodeMessage({ id: 1, call, params }));
  };
  const answers = (one: Awaited<ReturnType<typeof start>>) =>
    (one.windows.at(-1)?.webContents.sent ?? []).map((text) => decodeShellMessage(text));

  test("is told the whole state, and then the changes", async () => {
    const one = await start();
    say(one, "watch", {});
    expect(answers(one)[0]).toMatchObject({
      type: "response",
      ok: true,
      result: { state: { shell: { kind: "electron" } } },
    });
    one.client.change(networks({ state: "off" }));
    expect(answers(one)[1]).toMatchObject({
      type: "changes",
      changes: { snapshot: { networks: [{ state: "off" }] } },
    });
  });

  test("settings are kept, followed, and start the app at login", async () => {
    const one = await start();
    say(one, "settings.set", { theme: "dark", language: "de", autoStart: true });
    await soon(() => expect(answers(one)[0]).toMatchObject({ ok: true }));
    expect(one.kept["settings"]).toMatchObject({ theme: "dark", language: "de", autoStart: true });
    expect(one.parts.nativeTheme.themeSource).toBe("dark");
    expect(one.tray.labels).toContain("Castaway öffnen");
    expect(one.menu.applicationMenu.map(({ label }) => label)).toContain("Ansicht");
    const again = await start({ kept: one.kept, changes: { environment: { XDG_CONFIG_HOME: one.folder } } });
    expect(again.app.core.state.settings.autoStart).toBe(true);
    const elsewhere = await start({ kept: one.kept });
    expect(elsewhere.app.core.state.settings.autoStart).toBe(false); // the system says so
  });

  test("a foreign frame is not heard, and the first is logged", async () => {
    const one = await start();
    const contents = one.windows[0]?.webContents;
    for (let i = 0; i < 3; i++)
      one.parts.ipcMain.emit(
        "castaway",
        { sender: contents, senderFrame: { origin: "https://example.org", frameTreeNodeId: 0 } },
        "{}",
      );
    expect(contents?.sent).toEqual([]);
    expect(one.state.logged).toHaveLength(1);
  });

  test("a page that sends nonsense is answered, and loses its window in the end", async () => {
    const one = await start();
    const contents = one.windows[0]?.webContents;
    const event = { sender: contents, senderFrame: contents?.mainFrame };
    one.parts.ipcMain.emit("castaway", event, "{not json");
    expect(answers(one)[0]).toMatchObject({ ok: false, error: { code: "bad-request" } });
    for (let i = 0; i < 30; i++) one.parts.ipcMain.emit("castaway", event, "{not json");
    expect(one.windows[0]?.isDestroyed()).toBe(true);
    one.tray.emit("click");
    expect(one.windows).toHaveLength(2);
  });

  test("closed: the app goes on in the tray, and the window comes back where it was", async () => {
    const one = await start();
    one.windows[0]?.close();
    one.electron.app.emit("window-all-closed");
    await new Promise(setImmediate);
    expect(one.electron.app.called("quit")).toBe(false);
    one.tray.click("Open Castaway");
    expect(one.windows).toHaveLength(2);
    expect(one.kept["window"]).toMatchObject({ bounds: { width: 1080, height: 760 } });
  });

  test("closed on a desktop that shows no tray: the app ends, and the tunnel stays", async () => {
    const one = await start();
    one.state.trayHost = false;
    one.windows[0]?.close();
    one.electron.app.emit("window-all-closed");
    await soon(() => expect(one.electron.app.called("quit")).toBe(true));
    expect(methods(one.client)).toEqual([]);
  });

  test("a page that crashed is opened again, once a minute", async () => {
    let now = 0;
    const one = await start({ changes: { now: () => now } });
    const crash = (): void => {
      one.windows.at(-1)?.emit("ready-to-show");
      one.windows.at(-1)?.webContents.emit("render-process-gone", {}, { reason: "crashed" });
    };
    crash();
    expect(one.windows).toHaveLength(2);
    now = 59_000;
    crash();
    expect(one.windows).toHaveLength(2);
    expect(one.windows[1]?.isDestroyed()).toBe(true);
    one.tray.click("Open Castaway");
    now = 119_000;
    crash();
    expect(one.windows).toHaveLength(4);
    expect(one.state.logged).toContain("the page has ended: crashed");
  });

  test("a playlist is opened in the player", async () => {
    const one = await start();
    say(one, "play", { playlist: "#EXTM3U\nudp://@239.1.2.3:1234\n" });
    await soon(() => expect(one.shell.opened[0]).toMatch(/stream\.m3u$/));
  });
});

describe("notifications", () => {
  const flap = (client: FakeClient): void => {
    client.change(networks({ state: "connecting" }));
    client.change(networks({ state: "attention", detail: "The clock is wrong." }));
  };

  test("none while the window is on the screen; one when it is not, and a click opens it", async () => {
    const { windows, client, notifications } = await start();
    windows[0]?.emit("ready-to-show");
    flap(client);
    expect(notifications).toEqual([]);
    windows[0]?.close();
    flap(client);
    flap(client);
    expect(notifications.map(({ title, body }) => `${title}: ${body}`)).toEqual([
      "Home needs attention: The clock is wrong.",
    ]);
    notifications[0]?.emit("click");
    expect(windows).toHaveLength(2);
  });

  test("a service that was lost for good is told of", async () => {
    const { client, state, app, notifications } = await start({ argv: ["--hidden"] });
    state.daemon = false;
    client.break("shutdown");
    await soon(() => expect(app.core.state.service.state).toBe("stopped"));
    expect(notifications.map(({ title }) => title)).toEqual(["The Castaway service is not there"]);
  });
});
