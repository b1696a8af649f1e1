// What the desktop app has done as root, on a copy of this computer with a systemd of its own: the app's installer, the
// command that it makes, the script that this runs. Only the dialog that asks for a password is left out.
import { mkdtempSync, rmSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServiceAction } from "#main/contract/state.ts";
import { ServiceInstaller } from "#main/shell/service-installer.ts";
import { executableIn } from "#test/support/built-packages.ts";
import type { Finished } from "#test/support/child.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { missingForSystemd, Systemd } from "#test/support/systemd.ts";
import { stage } from "#packaging/stage.ts";
import { serviceResources } from "#packaging/system-files.ts";

const missing = missingForLab("nsenter", "systemctl", "unshare", "systemd-sysusers") ?? missingForSystemd();
const RESOURCES = "/opt/Castaway/resources";
const SCRIPT = `${RESOURCES}/service/service-control.sh`;
const UNIT = "/etc/systemd/system/castaway.service";
const USER = 1000;
const OTHER = 1001;

describe.skipIf(missing !== undefined)(
  `the service, managed by the app${missing ? ` (${missing})` : ""}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "castaway-service-"));
    let computer: Systemd;
    let installer: ServiceInstaller;

    beforeAll(async () => {
      const executable = basename(await executableIn(folder));
      stage(join(folder, "service"), await serviceResources("0.1.0"), 0);
      computer = await Systemd.bootCopy(folder);
      await run("mkdir", "-p", RESOURCES);
      await run("install", "-m", "0755", `/files/${executable}`, `${RESOURCES}/castaway`);
      await run("cp", "-r", "--no-preserve=ownership", "/files/service", `${RESOURCES}/service`);
      installer = new ServiceInstaller({
        elevate: (command, _options, done) => {
          // As sudo-prompt has it run behind the dialog.
          computer.run("/bin/bash", "-c", command).then(
            ({ code, stdout, stderr }) =>
              done(code === 0 ? undefined : new Error("Command failed"), stdout, stderr),
            (error: Error) => done(error),
          );
        },
        platform: "linux",
        packaged: true,
        appImage: undefined,
        resources: RESOURCES,
        uid: USER,
        lookAt: (path) => lstat(computer.path(path)),
      });
    }, 180_000);
    afterAll(async () => {
      await computer?.dispose();
      rmSync(folder, { recursive: true, force: true });
    });

    const anyway = (...words: string[]): Promise<Finished> => computer.run("env", ...words);
    const run = (...words: string[]): Promise<string> => computer.output("env", ...words);
    const as = (uid: number, ...words: string[]): Promise<Finished> =>
      computer.run("setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", ...words);
    const act = (action: ServiceAction) => installer.act(action);
    const exists = async (path: string): Promise<boolean> => (await anyway("test", "-e", path)).code === 0;
    const shown = async (property: string): Promise<string> =>
      (await anyway("systemctl", "show", "castaway", "-P", property)).stdout.trim();

    test("installed by one command: it runs, starts with the computer, and this user may drive it", async () => {
      expect(await shown("LoadState")).toBe("not-found");
      expect(await act("install")).toBe("done");
      expect(await shown("ActiveState")).toBe("active");
      expect(await run("systemctl", "is-enabled", "castaway")).toBe("enabled");
      expect(await run("readlink", "/usr/bin/castaway")).toBe(`${RESOURCES}/castaway`);
      expect(await run("stat", "-c", "%a %U", UNIT)).toBe("644 root");
      expect((await as(USER, "castaway", "up", "--name", "home")).code).toBe(0);
      expect((await as(OTHER, "castaway", "down")).code).toBe(4);
    });

    test("stopped and started, restarted, and started after it was given up", async () => {
      await run("systemctl", "stop", "castaway");
      expect(await act("start")).toBe("done");
      expect(await shown("ActiveState")).toBe("active");
      const before = await shown("MainPID");
      expect(await act("restart")).toBe("done");
      expect(await shown("MainPID")).not.toBe(before);
      // Ten starts within a minute are one too many for the unit.
      for (let count = 0; count < 10; count++) await anyway("systemctl", "restart", "castaway");
      expect((await anyway("systemctl", "restart", "castaway")).code).not.toBe(0);
      expect(await act("restart")).toBe("done");
      expect(await shown("ActiveState")).toBe("active");
    });

    test("an update brings the unit of this release, and the daemon anew", async () => {
      await run("sh", "-c", `echo '# of an older release' >>${UNIT}`);
      const before = await shown("MainPID");
      expect(await act("update")).toBe("done");
      expect(await run("cat", UNIT)).not.toContain("older release");
      expect(await shown("MainPID")).not.toBe(before);
    });

    test("another user is let in, by the number that pkexec knows and not by the one that is said", async () => {
      await run(`PKEXEC_UID=${OTHER}`, "/bin/sh", SCRIPT, "allow", "1002");
      expect((await as(OTHER, "castaway", "down")).code).toBe(0);
      expect((await as(1002, "castaway", "up")).code).toBe(4);
    });

    test.each([
      [["allow", "1000;touch /tmp/owned"], 2],
      [["allow", "$(touch /tmp/owned)"], 2],
      [["allow", "-1"], 2],
      [["allow", ""], 2],
      [["destroy", "1000"], 2],
      [["install; touch /tmp/owned", "1000"], 2],
    ] as const)("%j is refused", async (words, code) => {
      expect((await anyway("/bin/sh", SCRIPT, ...words)).code).toBe(code);
      expect(await exists("/tmp/owned")).toBe(false);
    });

    test("removed: stopped, no unit and no command, and the keys stay for another time", async () => {
      expect(await act("remove")).toBe("done");
      expect(await shown("LoadState")).toBe("not-found");
      expect(await exists(UNIT)).toBe(false);
      expect(await exists("/usr/bin/castaway")).toBe(false);
      expect(await run("stat", "-c", "%a %U", "/var/lib/castaway")).toBe("700 castaway");
    });

    test("a failure is told by what systemd said, and by the command to look further", async () => {
      await expect(act("start")).rejects.toMatchObject({
        message: expect.stringMatching(/^"start" did not work: .*castaway\.service/) as string,
        remedy: "sudo systemctl start castaway",
      });
    });

    test("where a package brought the unit, that one is used, also if it was masked", async () => {
      const packaged = "/usr/lib/systemd/system/castaway.service";
      await run("cp", `${RESOURCES}/service/castaway.service`, packaged);
      await run("systemctl", "mask", "castaway");
      expect(await act("install")).toBe("done");
      expect(await exists(UNIT)).toBe(false);
      expect(await shown("FragmentPath")).toMatch(/^(\/usr)?\/lib\/systemd\/system\/castaway\.service$/);
      expect(await shown("ActiveState")).toBe("active");
      expect(await act("remove")).toBe("done");
      expect(await exists(packaged)).toBe(true);
      expect(await shown("ActiveState")).toBe("inactive");
    });

    test("files that somebody else could change are not run", async () => {
      await run("chmod", "o+w", RESOURCES);
      await expect(act("install")).rejects.toThrow(`${RESOURCES} can be changed by others than root`);
      await run("chmod", "o-w", RESOURCES);
      await run("chown", String(USER), `${RESOURCES}/castaway`);
      await expect(act("install")).rejects.toThrow(`${RESOURCES}/castaway does not belong to root`);
      expect(await shown("ActiveState")).toBe("inactive");
    });
  },
);
