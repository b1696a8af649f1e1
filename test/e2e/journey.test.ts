// The whole way of two people who have never heard of multicast: one opens a network and invites, the other one pastes
// the link and watches. Real daemons, a real stream, a real browser at both ends.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FOR_README, missingForApp, OpenApp } from "#test/support/app/open-app.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { announceVideo, sendVideo, VideoReceiver } from "#test/support/traffic/ffmpeg.ts";
import { startReceiver } from "#test/support/traffic/mcast.ts";

const missing = missingForLab("ffmpeg") ?? missingForApp();
const PORT = 4810;
const GROUP = "239.255.42.1";
const ANNOUNCED = "239.255.42.2";
const TITLE = "Harbour camera";
/** A longer look where the pictures are for people. */
const SHOWN_MS = FOR_README ? 75_000 : 4_000;
const NETWORK = "Lighthouse";
const LAPTOP = "Hotel laptop";

/** A sentence with names in it, which stand between isolates (U+2068, U+2069) so that they cannot turn it around. */
function said(sentence: string): RegExp {
  const names = new RegExp(`${NETWORK}|${LAPTOP}`, "g");
  return new RegExp(sentence.replace(/[.?]/g, "\\$&").replace(names, "\u2068?$&\u2069?"));
}

// Each step stands on the one before: none can be tried again by itself.
describe.skipIf(missing !== undefined)(
  `from an invite to a stream${missing ? ` (${missing})` : ""}`,
  { retry: 0, timeout: 180_000 },
  () => {
    let lab: Lab;
    let home: OpenApp;
    let away: OpenApp;
    let link = "";
    let photograph: Buffer;

    beforeAll(async () => {
      lab = await Lab.create({ portForward: PORT });
      const [atHome, onLaptop] = await Promise.all([
        TestDaemon.inLab(lab, "home", { port: PORT, lan: ["lan"] }),
        TestDaemon.inLab(lab, "away"),
      ]);
      // There is no DHT in the lab, and looking for one is not what is tried here.
      await Promise.all([atHome, onLaptop].map((daemon) => daemon.json("reach", "--dht", "off")));
      home = await OpenApp.beside(atHome);
      away = await OpenApp.beside(onLaptop);
    });
    afterAll(async () => {
      await home?.close();
      await away?.close();
      await lab?.dispose();
    });

    test("first run at home: a name, and the network is open", async () => {
      const { page } = home;
      await page.getByRole("heading", { name: "Your multicast, away from home" }).waitFor();
      await home.picture("01-first-run");
      await page.getByRole("button", { name: /Share my network/ }).click();
      await page.getByLabel("Name of the network").fill(NETWORK);
      await home.picture("02-name");
      await page.getByRole("button", { name: "Open the network" }).click();
      await page.getByRole("heading", { name: "Your network is open" }).waitFor();
    });

    test("an invite is made", async () => {
      const { page } = home;
      await page.getByRole("button", { name: "Invite somebody" }).click();
      await page.getByText("I know an address of this computer").click();
      await page.getByLabel("Address and port").fill(`${lab.homePublic.address4}:${PORT}`);
      await home.picture("03-invite");
      await page.getByRole("button", { name: "Make the link" }).click();
      const field = page.getByLabel("Invite link", { exact: true });
      await field.waitFor();
      await home.picture("04-invite-ready");
      link = (await field.inputValue().catch(() => field.innerText())).trim();
      expect(link).toMatch(/^castaway:\/\/join\//);
      photograph = await page.getByRole("img", { name: /QR code/ }).screenshot();
    });

    test("away, the pasted link says whose it is before anything happens", async () => {
      const { page } = away;
      await page.getByRole("button", { name: /I have an invite link/ }).click();
      await page.getByLabel("Paste the link or the whole message").fill(`You are invited:\n${link}\n`);
      await page.getByRole("button", { name: "Look at it" }).click();
      await page.getByText(said(`Do you want to join ${NETWORK}?`)).waitFor();
      await page.getByLabel("What the others call this computer").fill(LAPTOP);
      await away.picture("05-join");
      await page.getByRole("button", { name: "Join", exact: true }).click();
      await page.getByText(said(`You are in ${NETWORK}.`)).waitFor({ timeout: 30_000 });
      await page
        .getByRole("button", { name: "See who is there" })
        .or(page.getByRole("link", { name: "See who is there" }))
        .click();
      await page.getByText(said(`Connected to ${NETWORK} directly over UDP, `)).waitFor();
      await away.picture("06-connected");
    });

    test("a picture of its QR code says the same, and that there is nothing to do any more", async () => {
      const { page } = away;
      await away.goTo("join");
      await page
        .locator('input[type="file"]')
        .setInputFiles({ name: "code.png", mimeType: "image/png", buffer: photograph });
      await page.getByText(said(`Do you want to join ${NETWORK}?`)).waitFor();
      await page.getByText("This computer is in this network already.").waitFor();
      await page.getByRole("button", { name: "Not now" }).click();
      await page.getByRole("button", { name: "Look at it" }).waitFor();
    });

    test("real streams appear in Streams at both ends, one by its announced name, and their chart moves", async () => {
      const source = lab.host("source");
      const sender = sendVideo(source, { group: `${GROUP}:5004`, localAddress: source.address4 });
      const announced = announceVideo(source, { group: `${ANNOUNCED}:5004`, title: TITLE });
      const player = new VideoReceiver(lab.host("away"), { group: `${GROUP}:5004` });
      const other = await startReceiver(lab.host("away"), {
        group: `${ANNOUNCED}:5004`,
        interface: "castaway0",
      });
      const { page } = away;
      await away.goTo("streams");
      for (const name of [GROUP, TITLE]) await page.getByText(name).first().waitFor({ timeout: 20_000 });
      const chart = page.locator("canvas").first();
      const before = await chart.screenshot();
      await page.waitForTimeout(SHOWN_MS);
      expect((await chart.screenshot()).equals(before)).toBe(false);
      await away.picture("07-streams");
      await page.getByText("Picture", { exact: true }).click();
      await page.getByRole("img").first().waitFor();
      await away.picture("07-picture");
      await home.goTo("streams");
      for (const name of [GROUP, TITLE]) await home.page.getByText(name).first().waitFor();
      await home.picture("08-streams-at-home");
      expect(player.frames).toBeGreaterThan(25);
      await Promise.all([player.child.stop(), other.stop()]);
      await Promise.all([sender.stop(), announced.stop()]);
    });

    test("at home a preset is switched on, an interface and a join are set", async () => {
      const { page } = home;
      await home.goTo("sharing");
      const dlna = page.getByRole("switch", { name: "Media servers (DLNA)" });
      await dlna.click();
      await page.locator('[role="switch"][aria-checked="true"]').first().waitFor();
      expect(await dlna.getAttribute("aria-checked")).toBe("true");
      await page.getByText("For experts").click();
      await page.getByLabel("Group", { exact: true }).fill("239.9.9.9");
      await page.getByLabel("From", { exact: true }).selectOption("lan");
      await page.getByRole("button", { name: "Add" }).click();
      await page.getByText(/239\.9\.9\.9.*joined on/).waitFor();
      await page.getByRole("button", { name: /^Remove: .*239\.9\.9\.9/ }).click();
      await page.getByText(/239\.9\.9\.9.*joined on/).waitFor({ state: "hidden" });
      await home.picture("09-sharing");
    });

    test("away, the doctor examines, the host answers calls, and a report can be read", async () => {
      const { page } = away;
      await away.goTo("doctor");
      await page.getByRole("button", { name: "Examine" }).click();
      await page.getByRole("button", { name: "Examine again" }).waitFor({ timeout: 60_000 });
      expect(await page.getByText("Could not be seen").count()).toBe(0);
      await page.getByRole("button", { name: "Call", exact: true }).click();
      await page.getByText(/^5 of 5 calls were answered/).waitFor();
      await page.getByRole("button", { name: "Make the report" }).click();
      const report = page.getByRole("region", { name: "The report" });
      await report.waitFor({ timeout: 40_000 });
      expect(await report.innerText()).toMatch(/^Castaway report/);
      expect(await report.innerText()).not.toContain(LAPTOP);
      await away.picture("09-doctor");
    });

    test("disconnect, and connect again", async () => {
      const { page } = away;
      await away.goTo("home");
      const toggle = page.getByRole("switch", { name: said(`Connect ${NETWORK}`) });
      await toggle.click();
      await page.getByText(said(`Not connected to ${NETWORK}. Nothing is carried.`)).waitFor();
      await away.picture("09-off");
      await toggle.click();
      await page.getByText(said(`Connected to ${NETWORK} directly over UDP`)).waitFor({ timeout: 15_000 });
    });

    test("at home the guest is removed and the invite revoked: it is out at once", async () => {
      const { page } = home;
      await home.goTo("home");
      await page.getByRole("button", { name: said(`Details: ${LAPTOP}`) }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Remove" }).last().click();
      await away.page
        .getByText(said(`The host of ${NETWORK} does not let this computer in.`))
        .waitFor({ timeout: 15_000 });
      await away.picture("10-refused");
      await home.goTo("invite");
      await home.picture("11-invites");
    });

    test("nothing of the pages complained, and no link was kept", async () => {
      expect(home.errors).toEqual([]);
      expect(away.errors).toEqual([]);
    });
  },
);
