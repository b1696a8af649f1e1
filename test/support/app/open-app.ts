// The app as a person has it open: the web shell and a real browser on one machine of the lab, or, with
// CASTAWAY_E2E=electron, Electron where its binary is.
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { Child } from "#test/support/child.ts";
import type { TestDaemon } from "#test/support/daemon.ts";
import { removeAtEnd } from "#test/support/lab/cleanup.ts";
import { LabHost } from "#test/support/lab/host.ts";
import { Machine } from "#test/support/machine.ts";
import { electronBinary, startElectron } from "./electron-app.ts";
import { CHROMIUM, startBrowser } from "./browser.ts";

const SCREENSHOTS = fileURLToPath(new URL("../../e2e/__screenshots__/", import.meta.url));
const DOCUMENTED = fileURLToPath(new URL("../../../docs/pictures/", import.meta.url));
/** `npm run pictures`: those that the README shows are kept in docs/pictures. */
export const FOR_README = process.env["CASTAWAY_PICTURES"] === "keep";
const README_PICTURES: ReadonlySet<string> = new Set([
  "04-invite-ready-wide-light",
  "06-connected-wide-light",
  "07-streams-wide-light",
]);
const CLI = fileURLToPath(new URL("../../../helper/cli/main.ts", import.meta.url));
const READY_MS = 20_000;
/** For anything to appear; machines that run tests are slow at times. */
const WAIT_MS = 12_000;
const SIZES = { narrow: { width: 360, height: 740 }, wide: { width: 1200, height: 800 } } as const;

const inElectron = process.env["CASTAWAY_E2E"] === "electron";

/** What the app's tests cannot have here; undefined if it is all there. */
export function missingForApp(): string | undefined {
  if (inElectron) return electronBinary() ? undefined : "Electron's binary cannot be had here";
  return CHROMIUM ? undefined : "needs chromium";
}

export interface AppOptions {
  readonly socketPath: string;
  /** Where the web shell runs, and the browser too where that is a host of a lab. */
  readonly on?: Machine;
}

export class OpenApp {
  readonly page: Page;
  readonly #end: () => Promise<void>;

  private constructor(page: Page, end: () => Promise<void>) {
    this.page = page;
    this.#end = end;
    page.setDefaultTimeout(WAIT_MS);
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
  }

  /** What the page complained about since it was opened. */
  readonly errors: string[] = [];

  static async beside(daemon: TestDaemon, on = daemon.machine): Promise<OpenApp> {
    return OpenApp.start({ socketPath: daemon.socketPath, on });
  }

  static async start(options: AppOptions): Promise<OpenApp> {
    const folder = mkdtempSync(join(tmpdir(), "castaway-app-"));
    chmodSync(folder, 0o777); // the web shell may be another user's
    const forget = removeAtEnd(folder);
    const host = options.on instanceof LabHost ? options.on : undefined;
    const env = {
      CASTAWAY_SOCKET: options.socketPath,
      XDG_CONFIG_HOME: folder,
      NO_COLOR: "1",
      LANG: "en_GB.UTF-8",
    };
    const clean = (): void => {
      rmSync(folder, { recursive: true, force: true });
      forget();
    };
    if (inElectron) {
      const { page, close } = await startElectron(env, host);
      return new OpenApp(page, () => close().then(clean));
    }
    const { shell, url } = await startWebShell(env, options.on ?? new Machine("web shell"));
    const browser = await startBrowser(host);
    const context = await browser.newContext({ viewport: SIZES.wide, permissions: ["clipboard-write"] });
    const page = await context.newPage();
    const app = new OpenApp(page, async () => {
      await closeBrowser(browser, context);
      await shell.stop();
      clean();
    });
    await page.goto(url);
    return app;
  }

  /** In both themes, narrow and wide: four pictures under test/e2e/__screenshots__. */
  async picture(name: string): Promise<void> {
    for (const folder of [SCREENSHOTS, ...(FOR_README ? [DOCUMENTED] : [])])
      mkdirSync(folder, { recursive: true });
    const before = this.page.viewportSize();
    for (const [size, viewport] of Object.entries(SIZES))
      for (const colorScheme of ["light", "dark"] as const) {
        await this.page.setViewportSize(viewport);
        await this.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        const file = `${name}-${size}-${colorScheme}`;
        await this.page.screenshot({ path: join(SCREENSHOTS, `${file}.png`) });
        if (FOR_README && README_PICTURES.has(file))
          copyFileSync(
            join(SCREENSHOTS, `${file}.png`),
            join(DOCUMENTED, `${file.replace(/^\d+-/, "")}.png`),
          );
      }
    await this.page.emulateMedia({ colorScheme: null, reducedMotion: null });
    if (before) await this.page.setViewportSize(before);
  }

  async goTo(screen: string): Promise<void> {
    await this.page.evaluate(`location.hash = ${JSON.stringify(`/${screen}`)}`);
  }

  close(): Promise<void> {
    return this.#end();
  }
}

async function closeBrowser(browser: Browser, context: BrowserContext): Promise<void> {
  await context.close();
  await browser.close();
}

async function startWebShell(env: NodeJS.ProcessEnv, on: Machine): Promise<{ shell: Child; url: string }> {
  const shell = on.spawn(process.execPath, [CLI, "web", "--no-open", "--json", "--idle", "0"], {
    label: "web shell",
    env,
  });
  const line = await shell.line(/"ready"/, READY_MS);
  return { shell, url: (JSON.parse(line) as { url: string }).url };
}
