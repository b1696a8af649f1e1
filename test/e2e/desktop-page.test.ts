// The desktop app in front of a real page, but for Electron itself: the built interface, served by the app's own protocol
// under its own content security policy, speaks through the built preload script with the real main process. Chromium
// takes the place of Electron's, and the stand-in that of its other parts.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NO_FACTS } from "#main/app/service-state.ts";
import { buildMain } from "../../main/build.ts";
import type { DesktopParts } from "#main/shell/desktop-app.ts";
import { startDesktop } from "#main/shell/start.ts";
import { CHROMIUM, startBrowser } from "#test/support/app/browser.ts";
import { electronStandIn } from "#test/support/app/electron-stand-in.ts";
import { busySnapshot } from "#test/support/app/screen-answers.ts";
import { FakeClient, NOT_RUNNING } from "../main/helper-link/fake-client.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** Nobody listens there: every request is answered by the app's protocol, or seen to go elsewhere. */
const PLACE = "http://127.0.0.1:9";
/** Behind the first, which is home. */
const SCREENS = ["streams", "invite", "join", "sharing", "doctor", "settings"];

describe.skipIf(!CHROMIUM)(`the desktop app's page${CHROMIUM ? "" : " (needs chromium)"}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "castaway-desktop-"));
  const electron = electronStandIn(folder);
  const errors: string[] = [];
  const elsewhere: string[] = [];
  let client = new FakeClient();
  let daemon = true;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    client.change(busySnapshot());
    const kept = new Map<string, unknown>([["settings", { welcomed: true }]]);
    const parts: DesktopParts = {
      electron: electron.parts,
      openStore: () => kept,
      elevate: () => {},
      connect: async () => {
        if (!daemon) throw NOT_RUNNING;
        return client;
      },
      facts: async () => NO_FACTS,
      hasTrayHost: async () => true,
      platform: "linux",
      environment: { XDG_CONFIG_HOME: folder },
      uid: 1000,
      user: "ada",
      root: ROOT,
      resources: "/nowhere",
      program: ["/opt/Castaway/castaway-desktop"],
      now: () => performance.now(),
      log: (text) => errors.push(text),
    };
    electron.app.ready();
    await startDesktop(parts, ["castaway-desktop"]);
    await buildMain(join(folder, "main"));
    browser = await startBrowser();
    page = await browser.newPage({ viewport: { width: 1080, height: 760 } });
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await connectPage();
    await page.goto(`${PLACE}/index.html`);
    await page.getByRole("heading", { level: 1 }).waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    electron.app.emit("will-quit");
    rmSync(folder, { recursive: true, force: true });
  });

  /** Between the page and the main process: requests, and the preload script's two ends. */
  async function connectPage(): Promise<void> {
    await page.route("**/*", async (route) => {
      const url = route.request().url();
      const answer = url.startsWith(`${PLACE}/`)
        ? await electron.protocol.handlers.get("app")?.({
            method: route.request().method(),
            url: url.replace(PLACE, "app://castaway"),
          } as Request)
        : undefined;
      if (!answer) {
        elsewhere.push(url);
        return route.abort();
      }
      await route.fulfill({
        status: answer.status,
        headers: Object.fromEntries(answer.headers),
        body: Buffer.from(await answer.arrayBuffer()),
      });
    });
    const contents = electron.windows[0]?.webContents;
    if (!contents) throw new Error("the app opened no window");
    await page.exposeFunction("toMain", (channel: string, text: unknown) => {
      electron.parts.ipcMain.emit(channel, { sender: contents, senderFrame: contents.mainFrame }, text);
    });
    contents.send = (_channel, text) => {
      page
        .evaluate((one) => (globalThis as never as { fromMain(text: string): void }).fromMain(one), text)
        .catch(() => {});
    };
    await page.addInitScript(`{
      const electron = {
        contextBridge: { exposeInMainWorld: (name, api) => (window[name] = api) },
        ipcRenderer: {
          send: (...words) => void window.toMain(...words),
          on: (channel, handler) => (window.fromMain = (text) => handler({}, text)),
        },
      };
      (function (require, module, exports) { ${readFileSync(join(folder, "main/preload.cjs"), "utf8")} })(() => electron, {}, {});
    }`);
  }

  test("shows every screen, breaks no rule of the policy, and asks for nothing from elsewhere", async () => {
    for (const screen of SCREENS) {
      const title = page.getByRole("heading", { level: 1 });
      const before = (await title.textContent()) ?? "";
      await page.evaluate(`location.hash = "/${screen}"`);
      await title.filter({ hasNotText: before }).waitFor();
    }
    expect(errors).toEqual([]);
    expect(elsewhere).toEqual([]);
  });

  test("a page of ours could not connect anywhere if it wanted to", async () => {
    const tried = await page.evaluate(() =>
      fetch("https://example.org/").then(
        () => "it did",
        (error: Error) => error.name,
      ),
    );
    expect(tried).toBe("TypeError");
    expect(elsewhere).toEqual([]);
    expect(errors.splice(0).join()).toContain("connect-src 'none'");
  });

  test("a setting in the window is followed by the tray", async () => {
    await page.evaluate(`location.hash = "/settings"`);
    await page.getByLabel("Language").selectOption("de");
    await page.locator("html[lang=de]").waitFor({ state: "attached" });
    expect(electron.trays[0]?.labels).toContain("Castaway öffnen");
  });

  test("a daemon that is killed is restarting within a second, and back without a click", async () => {
    daemon = false;
    const broken = performance.now();
    client.break();
    await page
      .getByText(/startet neu/)
      .first()
      .waitFor({ timeout: 5_000 });
    expect(performance.now() - broken).toBeLessThan(1_000);
    client = new FakeClient();
    daemon = true;
    await page
      .getByText(/startet neu/)
      .first()
      .waitFor({ state: "detached", timeout: 5_000 });
    expect(electron.trays[0]?.labels).not.toContain("Der Dienst startet neu");
  });
});
