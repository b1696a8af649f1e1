// Every screen, in both themes, on a wide and on a narrow window, looked at by axe in a real browser (WCAG 2.2 AA).
// The networks and streams are made up: what real ones look like is the business of the other tests here.
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import type { ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AppChanges, Service } from "#main/contract/state.ts";
import { CHROMIUM, startBrowser } from "#test/support/app/browser.ts";
import { answerCalls, SCENES } from "#test/support/app/fake-scene.ts";
import { FakeShell } from "#test/support/app/fake-shell.ts";
import { startPreview } from "#test/support/app/preview-server.ts";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const SCREENS = ["home", "streams", "invite", "join", "sharing", "doctor", "settings", "welcome"];
const WINDOWS = { wide: { width: 1200, height: 800 }, narrow: { width: 360, height: 740 } } as const;

/** The name of what has the focus; none: nothing in the page. */
const FOCUSED = `(({ activeElement: it, body }) => it === body ? "" : it.ariaLabel ?? it.textContent.trim())(document)`;

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

const whole = SCENES["networks"]!();
const away: Service = {
  state: "stopped",
  detail: "The service is installed, but not running.",
  remedy: "sudo systemctl start castaway",
  action: "start",
  version: null,
  access: "none",
};

describe.skipIf(!CHROMIUM)(`the interface is for everybody${CHROMIUM ? "" : " (needs chromium)"}`, () => {
  const shell = new FakeShell(whole);
  answerCalls(shell);
  let server: ViteDevServer;
  let browser: Browser;
  let page: Page;
  let origin: string;

  beforeAll(async () => {
    server = await startPreview(shell, 0);
    origin = server.resolvedUrls!.local[0]!;
    browser = await startBrowser();
    page = await browser.newPage({ reducedMotion: "reduce" });
    page.setDefaultTimeout(30_000);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  async function show(screen: string, changes: AppChanges = {}): Promise<void> {
    shell.change({ service: whole.service, settings: whole.settings, snapshot: whole.snapshot, ...changes });
    await page.goto(`${origin}#/${screen}`);
    await page.reload();
    await page.getByRole("heading", { level: 1 }).waitFor();
  }

  /** Pixels by which the page is wider than its window. */
  function sideways(): Promise<number> {
    return page.evaluate<number>(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
  }

  async function violations(): Promise<string[]> {
    await page.addScriptTag({ path: AXE });
    const found = await page.evaluate<readonly Violation[]>("axe.run().then(({ violations }) => violations)");
    return found.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`),
    );
  }

  describe.each(["light", "dark"] as const)("%s", (theme) => {
    const settings = { ...whole.settings, theme };

    test.each(SCREENS.flatMap((screen) => Object.keys(WINDOWS).map((size) => [screen, size] as const)))(
      "%s, %s",
      async (screen, size) => {
        await page.setViewportSize(WINDOWS[size as keyof typeof WINDOWS]);
        await show(screen, { settings });
        expect(await violations()).toEqual([]);
        expect(await sideways()).toBe(0);
      },
    );

    test("a service that does not run, and a warning", async () => {
      const warnings = [{ code: "a", message: "Two networks overlap.", remedy: "castaway doctor", since: 0 }];
      await show("home", { settings, service: away, snapshot: { warnings } });
      await page.getByText("The service is stopped").waitFor();
      expect(await violations()).toEqual([]);
    });

    test("a dialog", async () => {
      await show("home", { settings });
      await page.getByRole("button", { name: /Details: .*mixer/ }).click();
      await page.getByRole("dialog").waitFor();
      expect(await violations()).toEqual([]);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      expect(await page.evaluate<string>("document.activeElement.ariaLabel")).toContain("mixer");
    });
  });

  describe.each(["light", "dark"] as const)("in use, %s", (theme) => {
    const busy: AppChanges = { settings: { ...whole.settings, theme }, snapshot: SCENES["busy"]!().snapshot };
    const press = (name: string | RegExp) => page.getByRole("button", { name }).click();

    const internet: AppChanges = { ...busy, snapshot: SCENES["internet"]!().snapshot };

    /** What a person does on a screen, and what is there afterwards. */
    const STEPS: Record<string, () => Promise<void>> = {
      invite: async () => {
        await press("Make the link");
        await page.getByRole("img", { name: /QR code/ }).waitFor();
        await press(/^Revoke: /);
        await page.getByRole("dialog").waitFor();
      },
      join: async () => {
        await page.getByLabel("Paste the link or the whole message").fill("castaway://join/abc");
        await press("Look at it");
        await press("Join");
        await page.getByRole("heading", { name: /You are in/ }).waitFor();
      },
      sharing: async () => {
        await page.getByText("For experts").click();
        await press("Add");
        await page.getByText("A group is needed.").waitFor();
      },
      streams: async () => {
        shell.change(internet);
        await press("Internet");
        await page.getByRole("heading", { name: "Observatory" }).waitFor();
        await page.getByLabel("Link", { exact: true }).fill("amt://x");
        await press("Receive");
        await page.getByText("A group is needed.").waitFor();
      },
      settings: async () => {
        shell.change(internet);
        await page.getByLabel("Receivers at most", { exact: true }).waitFor();
      },
      doctor: async () => {
        await press("Examine");
        await press(/^Fix it/);
        await page.getByText("This takes it back").waitFor();
        await press("Make the report");
        await page.getByRole("region", { name: "The report" }).waitFor();
      },
    };

    test.each(Object.keys(STEPS))("%s", async (screen) => {
      for (const size of Object.values(WINDOWS)) {
        await page.setViewportSize(size);
        await show(screen, { ...busy, pendingInvite: null });
        await STEPS[screen]!();
        expect(await violations()).toEqual([]);
        expect(await sideways()).toBe(0);
      }
    });
  });

  describe.each(["de", "ar"] as const)("in %s, on a narrow window", (language) => {
    test.each(SCREENS)("%s", async (screen) => {
      await page.setViewportSize(WINDOWS.narrow);
      await show(screen, { settings: { ...whole.settings, language } });
      await page.locator(`html[lang=${language}]`).waitFor();
      expect(await violations()).toEqual([]);
      expect(await sideways()).toBe(0);
    });
  });

  test("everything on Home is reached by the keyboard alone", async () => {
    await page.setViewportSize(WINDOWS.wide);
    await show("home");
    const seen: string[] = [];
    await page.getByRole("switch").first().waitFor();
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press("Tab");
      const name = await page.evaluate<string>(FOCUSED);
      if (name === seen[0]) break;
      seen.push(name);
    }
    expect(seen[0]).toBe("Skip to the content");
    const controls = await page.locator("a:visible, button:visible").count();
    expect(seen.filter((name) => name !== "")).toHaveLength(controls);
  });
});
