// What goes wrong while the app is open: the service is killed, belongs to somebody else, or a link is hostile.
import { chmodSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingForApp, OpenApp } from "#test/support/app/open-app.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Machine } from "#test/support/machine.ts";
import { asNobody } from "#test/support/ordinary-user.ts";

const missing = missingForApp();
const SAID_WITHIN_MS = 1_000;

const OTHER_KIND = "This is a link of another kind";
const DAMAGED = "This invite is damaged: a part is missing or was changed on the way.";
const HOSTILE: readonly (readonly [what: string, link: string, sentence: string])[] = [
  ["a script", "javascript:alert(1)", OTHER_KIND],
  ["a page", "https://castaway.example/join/abc", OTHER_KIND],
  ["a path", "castaway://join/../../etc/passwd", DAMAGED],
  ["another word of ours", "castaway://shutdown/now", DAMAGED],
  ["HTML", "castaway://join/<script>alert(1)</script>", DAMAGED],
  ["a link without an end", `castaway://join/${"a".repeat(5_000)}`, DAMAGED],
];

describe.skipIf(missing !== undefined)(
  `trouble while the app is open${missing ? ` (${missing})` : ""}`,
  () => {
    const machine = new Machine("alone");
    let daemon: TestDaemon;
    let app: OpenApp;

    beforeAll(async () => {
      daemon = await TestDaemon.start(machine, {
        args: ["--no-tun", "--socket-vif", "239.1.2.3:5004%127.0.0.1"],
      });
      await daemon.json("reach", "--dht", "off", "--port-mapping", "off");
      app = await OpenApp.beside(daemon);
      await app.page.getByRole("button", { name: "Skip these steps" }).click();
    });
    afterAll(async () => {
      await app?.close();
      await daemon?.dispose();
      await machine.stopAll();
    });

    test("the service is killed: the app says so within a second, and is back without a click", async () => {
      const { page } = app;
      const notice = page.getByText("The service is restarting");
      const killed = performance.now();
      await daemon.kill();
      await notice.waitFor();
      const said = performance.now() - killed;
      await app.picture("service-restarting");
      await daemon.restart();
      const restarted = performance.now();
      await notice.waitFor({ state: "detached" });
      console.log(
        `"restarting" after ${Math.round(said)} ms, gone ${Math.round(performance.now() - restarted)} ms after the start`,
      );
      expect(said).toBeLessThan(SAID_WITHIN_MS);
    });

    test.each(HOSTILE)("%s is refused with a sentence, and nothing runs", async (_what, link, sentence) => {
      const { page } = app;
      await app.goTo("join");
      let dialogs = 0;
      page.once("dialog", (dialog) => {
        dialogs++;
        void dialog.dismiss();
      });
      const field = page.getByLabel("Paste the link or the whole message");
      await field.fill(link);
      await page.getByRole("button", { name: "Look at it" }).click();
      await page.getByText(sentence).waitFor();
      expect(dialogs).toBe(0);
    });

    test("ten megabytes are refused without being sent anywhere", async () => {
      const { page } = app;
      await app.goTo("join");
      const field = page.getByLabel("Paste the link or the whole message");
      await field.evaluate((element, text) => {
        (element as unknown as { value: string }).value = text.repeat(1_000_000);
        element.dispatchEvent(new Event("input", { bubbles: true }));
      }, "castaway:/");
      await page.getByRole("button", { name: "Look at it" }).click();
      await page
        .getByText("This is far too long for an invite. Copy the link alone and try again.")
        .waitFor();
      await field.fill("");
    });

    test("nothing of the page complained", () => {
      expect(app.errors.filter((error) => !/WebSocket|ERR_CONNECTION/.test(error))).toEqual([]);
    });
  },
);

describe.skipIf(missing !== undefined || process.getuid?.() !== 0)(
  `somebody else's service${missing ? ` (${missing})` : ""}`,
  () => {
    test("who may not change anything sees that, and cannot", async () => {
      const machine = new Machine("root's");
      const daemon = await TestDaemon.start(machine, {
        args: ["--no-tun", "--socket-vif", "239.1.2.3:5004%127.0.0.1"],
      });
      await daemon.json("up", "--name", "Theirs");
      chmodSync(daemon.folder, 0o755); // as /run/castaway is
      const app = await OpenApp.beside(daemon, asNobody("stranger"));
      try {
        await app.page.getByText("You may look, but not change anything").waitFor();
        await app.goTo("home");
        await app.picture("read-only");
        expect(await app.page.getByRole("switch").first().isDisabled()).toBe(true);
      } finally {
        await app.close();
        await daemon.dispose();
        await machine.stopAll();
      }
    });
  },
);
