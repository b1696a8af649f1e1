// The app is opened: it paints at once, whatever the daemon does.
import { afterEach, describe, expect, test } from "vitest";
import { missingForApp, OpenApp } from "#test/support/app/open-app.ts";

const missing = missingForApp();
const PAINT_MS = 300;

describe.skipIf(missing !== undefined)(`the app is opened${missing ? ` (${missing})` : ""}`, () => {
  let app: OpenApp;
  afterEach(async () => app?.close());

  test("without a daemon it says so, with a way out, and paints within 300 ms", async () => {
    app = await OpenApp.start({ socketPath: "/nowhere/control.sock" });
    const { page } = app;
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.reload();
    await page.getByRole("heading", { level: 1 }).waitFor();
    const painted = await page.evaluate(
      () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
    );
    console.log(`first contentful paint after ${Math.round(painted!)} ms`);
    expect(painted).toBeLessThan(PAINT_MS);
    await app.picture("without-daemon");
    expect(app.errors).toEqual([]);
  });
});
