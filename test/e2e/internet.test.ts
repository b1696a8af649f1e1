// Streams of the Internet's in the app: a relay that speaks AMT, a station that really sends, a laptop behind a NAT.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AmtScene, joinOf, RELAYS, SOURCE } from "#test/support/amt-scene.ts";
import { missingForApp, OpenApp } from "#test/support/app/open-app.ts";
import type { TestDaemon } from "#test/support/daemon.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { sendVideo } from "#test/support/traffic/ffmpeg.ts";

const missing = missingForLab("ffmpeg") ?? missingForApp();
const STREAM = "232.1.1.1";
const LATER = "232.1.1.2";
const [RELAY, SILENT] = [RELAYS.first[4], RELAYS.second[4]];
/** What asks and is asked again takes some seconds; machines that run tests are slow at times. */
const SLOW_MS = 60_000;

describe.skipIf(missing !== undefined)(
  `Internet streams${missing ? ` (${missing})` : ""}`,
  { retry: 0, timeout: 150_000 },
  () => {
    let scene: AmtScene;
    let daemon: TestDaemon;
    let app: OpenApp;

    beforeAll(async () => {
      scene = await AmtScene.create();
      [daemon] = await Promise.all([scene.gateway(), scene.relay(RELAY)]);
      for (const group of [STREAM, LATER])
        sendVideo(scene.internet, { group: `${group}:5004`, localAddress: SOURCE[4], codec: "mpeg2" });
      // That nobody answers takes a while to be known.
      await daemon.json("amt", "join", `amt://${SOURCE[4]}@${LATER}:5004?relay=${SILENT}`, "--no-wait");
      app = await OpenApp.beside(daemon);
      await app.page.getByRole("button", { name: "Skip these steps" }).click();
    });
    afterAll(async () => {
      await app?.close();
      await scene?.dispose();
    });

    /** What stands about a stream in the list. */
    const row = (group: string) =>
      app.page.getByRole("listitem").filter({ has: app.page.getByRole("heading", { name: group }) });

    test("a pasted link is asked for, and the stream is there, with its relay and its rate", async () => {
      const { page } = app;
      await page.getByRole("link", { name: "Streams" }).click();
      await page.getByRole("button", { name: "Internet", exact: true }).click();
      await row(LATER).waitFor();
      const link = `amt://${SOURCE[4]}@${STREAM}:5004?relay=${RELAY}`;
      await page.getByLabel("Link", { exact: true }).fill(link);
      await page.getByRole("button", { name: "Receive" }).click();
      await row(STREAM).getByText("Receiving").waitFor({ timeout: SLOW_MS });
      await row(STREAM).getByText(RELAY).waitFor();
      await row(STREAM)
        .getByText(/bit\/s/)
        .waitFor();
      await row(STREAM)
        .getByRole("button", { name: /^Save for a player/ })
        .waitFor();
      expect(joinOf(await daemon.status(), STREAM)).toMatchObject({ kept: true, state: "receiving" });
    });

    test("it is left, and taken back", async () => {
      const { page } = app;
      await row(STREAM)
        .getByRole("button", { name: /^Leave/ })
        .click();
      await row(STREAM).waitFor({ state: "detached" });
      expect(joinOf(await daemon.status(), STREAM)).toBeUndefined();
      await page.getByRole("button", { name: "Undo" }).click();
      await row(STREAM).getByText("Receiving").waitFor({ timeout: SLOW_MS });
    });

    test("a relay that does not answer is said, and tried again when it is there", async () => {
      // Others are asked by then too.
      const said = new RegExp(`No relay answers \\(.*${RegExp.escape(SILENT)}`);
      await row(LATER).getByText(said).waitFor({ timeout: SLOW_MS });
      await scene.relay(SILENT);
      const receiving = row(LATER).getByText("Receiving").waitFor({ timeout: SLOW_MS });
      // It tries by itself after five seconds, which is less than a busy machine takes for a click now and then.
      const again = row(LATER).getByRole("button", { name: /^Try again/ });
      await Promise.any([again.click({ timeout: SLOW_MS }), receiving]);
      await receiving;
      await app.picture("12-internet");
      expect(app.errors).toEqual([]);
    });
  },
);
