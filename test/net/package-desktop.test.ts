// The desktop app's .deb, put together by electron-builder's own words (Electron is made up, the service is not), and the
// headless package in its place and back.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Snapshot } from "#contract/snapshot.ts";
import { type FileFacts, whyNotRootOwned } from "#main/shell/root-owned.ts";
import { executableIn, headlessIn, NOW } from "#test/support/built-packages.ts";
import type { Finished } from "#test/support/child.ts";
import { desktopDebIn } from "#test/support/desktop-deb.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { missingForSystemd, Systemd } from "#test/support/systemd.ts";
import { between, type Changes, changesIn, DPKG_RECORDS } from "#test/support/systemd/changes.ts";
import { HEADLESS } from "#packaging/headless.ts";
import { DESKTOP } from "#packaging/system-files.ts";

const missing =
  missingForLab("nsenter", "systemctl", "unshare", "dpkg", "dpkg-deb", "deb-systemd-helper") ??
  missingForSystemd();

describe.skipIf(missing !== undefined)(`the desktop package${missing ? ` (${missing})` : ""}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "castaway-packages-"));
  const debs = { desktop: "", headless: "" };
  let computer: Systemd;
  let before: Changes;

  beforeAll(async () => {
    const executable = await executableIn(folder);
    debs.desktop = await desktopDebIn(folder, { executable, renderer: join(folder, "renderer") });
    debs.headless = basename(await headlessIn(folder, executable));
    rmSync(executable);
    computer = await Systemd.bootCopy(folder);
    before = changesIn(computer.path("/run/changes"));
  }, 180_000);
  afterAll(async () => {
    await computer?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const anyway = (...words: string[]): Promise<Finished> => computer.run("env", ...words);
  const run = (...words: string[]): Promise<string> => computer.output("env", ...words);
  const answers = (): Promise<void> =>
    computer.until("the daemon answers", async () => (await anyway("castaway", "status")).code === 0);
  const networks = async (): Promise<string[]> =>
    (JSON.parse(await run("castaway", "status", "--json")) as Snapshot).networks.map(({ id }) => id);
  const runs = async (): Promise<string> =>
    run("readlink", `/proc/${await run("systemctl", "show", "castaway", "-P", "MainPID")}/exe`);
  let made: string[];

  test("installed, the service runs out of the app's folder", async () => {
    await run("dpkg", "-i", `/files/${debs.desktop}`);
    await answers();
    expect(await runs()).toBe("/opt/Castaway/resources/castaway");
    expect(await run("castaway", "--version")).toBe(NOW.version);
    expect(await run("readlink", "-f", "/usr/bin/castaway-desktop")).toBe("/opt/Castaway/castaway-desktop");
    expect(await run("systemctl", "is-enabled", "castaway")).toBe("enabled");
    await run("castaway", "up", "--name", "home");
    made = await networks();
    expect(made).toHaveLength(1);
  });

  test("without sudo or pkexec nobody becomes an owner", async () => {
    expect(await run("castaway", "owners")).toBe("root");
  });

  test("Chromium's sandbox has one of its two ways, and castaway:// and amt:// links have the app", async () => {
    const namespaces = (await anyway("unshare", "--user", "true")).code === 0;
    const mode = statSync(computer.path("/opt/Castaway/chrome-sandbox")).mode & 0o7777;
    expect(mode).toBe(namespaces ? 0o755 : 0o4755);
    const known = computer.path("/usr/share/applications/mimeinfo.cache");
    if ((await anyway("sh", "-c", "command -v update-desktop-database")).code === 0)
      for (const scheme of ["castaway", "amt"])
        expect(readFileSync(known, "utf8")).toContain(`x-scheme-handler/${scheme}=castaway-desktop.desktop;`);
    const entry = computer.path("/usr/share/applications/castaway-desktop.desktop");
    expect(readFileSync(entry, "utf8")).toContain("Exec=/opt/Castaway/castaway-desktop %U");
  });

  test("where AppArmor does not run, no profile is put in place", async () => {
    if ((await anyway("apparmor_status", "--enabled")).code === 0) return;
    expect(existsSync(computer.path("/etc/apparmor.d/castaway-desktop"))).toBe(false);
  });

  test("what the app asks a password for works there, and nobody but root could put something else in its place", async () => {
    const control = "/opt/Castaway/resources/service-control.sh";
    const lookAt = (path: string): Promise<FileFacts> => lstat(computer.path(path));
    for (const file of [control, "/opt/Castaway/resources/castaway"])
      expect(await whyNotRootOwned(file, lookAt)).toBeUndefined();
    const act = (action: string): Promise<string> => run("sh", control, action, "1000");
    const pid = (): Promise<string> => run("systemctl", "show", "castaway", "-P", "MainPID");
    const first = await pid();
    await act("update");
    expect(await pid()).not.toBe(first);
    await act("remove");
    expect((await anyway("systemctl", "is-enabled", "castaway")).stdout.trim()).toBe("disabled");
    expect((await anyway("systemctl", "is-active", "castaway")).stdout.trim()).toBe("inactive");
    await act("install");
    expect(await run("castaway", "owners")).toContain("uid 1000");
    expect(await run("systemctl", "is-enabled", "castaway")).toBe("enabled");
    expect(await networks()).toEqual(made);
    // The package's files are as they were.
    expect(await run("dpkg", "-V", DESKTOP)).toBe("");
  });

  test("the headless package takes its place in one step, with the same networks", async () => {
    await run("dpkg", "-i", `/files/${debs.headless}`);
    await answers();
    expect(await runs()).toBe("/usr/bin/castaway");
    expect(await networks()).toEqual(made);
    expect(existsSync(computer.path("/opt/Castaway"))).toBe(false);
    expect((await anyway("sh", "-c", "command -v castaway-desktop")).code).not.toBe(0);
  });

  test("purging what is left of the one package leaves the other its keys", async () => {
    await run("dpkg", "--purge", DESKTOP);
    expect(await networks()).toEqual(made);
    expect(await run("systemctl", "is-enabled", "castaway")).toBe("enabled");
    await run("systemctl", "restart", "castaway");
    await answers();
    expect(await networks()).toEqual(made);
  });

  test("and back; then both purged, there is no trace", async () => {
    await run("dpkg", "-i", `/files/${debs.desktop}`);
    await answers();
    expect(await networks()).toEqual(made);
    await run("dpkg", "--purge", HEADLESS);
    await run("dpkg", "--purge", DESKTOP);
    const left = between(before, changesIn(computer.path("/run/changes")));
    expect(left.filter((line) => !DPKG_RECORDS.test(line))).toEqual([]);
    expect((await anyway("getent", "passwd", "castaway")).code).not.toBe(0);
  });
});
