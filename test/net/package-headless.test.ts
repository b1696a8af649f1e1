// The headless .deb as people have it: dpkg installs it on a copy of this computer with a systemd of its own, over an older
// one, takes it away, and leaves nothing.
import { cpSync, lstatSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Snapshot } from "#contract/snapshot.ts";
import { executableIn, headlessIn, NOW, OLDER } from "#test/support/built-packages.ts";
import type { Finished } from "#test/support/child.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { missingForSystemd, Systemd } from "#test/support/systemd.ts";
import { between, type Changes, changesIn, DPKG_RECORDS } from "#test/support/systemd/changes.ts";
import { HEADLESS, SCRIPTS } from "#packaging/headless.ts";
import { stage } from "#packaging/stage.ts";
import { systemFiles } from "#packaging/system-files.ts";

const missing =
  missingForLab("nsenter", "systemctl", "unshare", "dpkg", "dpkg-deb", "deb-systemd-helper") ??
  missingForSystemd();
/** Any that is no root's: who installs, and somebody else. */
const INSTALLER = 1000;
const OTHER = 1001;

describe.skipIf(missing !== undefined)(`the headless package${missing ? ` (${missing})` : ""}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "castaway-packages-"));
  const debs = { older: "", now: "" };
  let computer: Systemd;
  let before: Changes;

  beforeAll(async () => {
    debs.older = basename(await headlessIn(folder, await executableIn(folder, OLDER), OLDER));
    debs.now = basename(await headlessIn(folder, await executableIn(folder)));
    computer = await Systemd.bootCopy(folder);
    before = changesIn(computer.path("/run/changes"));
  }, 180_000);
  afterAll(async () => {
    await computer?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (...words: string[]): Promise<string> => computer.output("env", ...words);
  const anyway = (...words: string[]): Promise<Finished> => computer.run("env", ...words);
  const dpkg = (...words: string[]): Promise<string> =>
    run(`SUDO_UID=${INSTALLER}`, "DEBIAN_FRONTEND=noninteractive", "dpkg", ...words);
  const as = (uid: number, ...words: string[]): Promise<Finished> =>
    computer.run("setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", ...words);
  const shown = (property: string): Promise<string> => run("systemctl", "show", "castaway", "-P", property);
  const exists = async (path: string): Promise<boolean> => (await anyway("test", "-e", path)).code === 0;
  const status = async (): Promise<Snapshot> =>
    JSON.parse(await run("castaway", "status", "--json")) as Snapshot;
  const answers = (): Promise<void> =>
    computer.until("the daemon answers", async () => (await anyway("castaway", "status")).code === 0);

  const traces = (): string[] =>
    between(before, changesIn(computer.path("/run/changes"))).filter((line) => !DPKG_RECORDS.test(line));

  test("installed, the service runs and starts with the computer, and who installed it may drive it", async () => {
    await dpkg("-i", `/files/${debs.older}`);
    expect(await run("systemctl", "is-enabled", "castaway")).toBe("enabled");
    expect(await run("systemctl", "is-active", "castaway")).toBe("active");
    expect(await run("castaway", "--version")).toBe(OLDER);
    expect((await status()).daemon.version).toBe(OLDER);
    expect((await as(INSTALLER, "castaway", "up", "--name", "home")).code).toBe(0);
    const refused = await as(OTHER, "castaway", "down");
    expect(refused.code, refused.stderr).toBe(4);
  });

  test("the meeting point is there and does nothing until somebody says so", async () => {
    expect((await anyway("systemctl", "is-enabled", "castaway-meet")).stdout.trim()).toBe("disabled");
    expect((await anyway("systemctl", "is-active", "castaway-meet")).stdout.trim()).toBe("inactive");
    await run("systemctl", "enable", "--now", "castaway-meet");
  });

  test("what root runs is root's alone to change, and so is all that it lies in", async () => {
    const files = (await run("dpkg", "-L", HEADLESS)).split("\n");
    expect(files).toContain("/usr/bin/castaway");
    const all = new Set<string>();
    for (const file of files) for (let path = file; !all.has(path); path = dirname(path)) all.add(path);
    for (const path of all) {
      if (path === "/." || path === "/") continue;
      const stat = lstatSync(computer.path(path));
      expect(stat.uid, path).toBe(0);
      expect(stat.isSymbolicLink() ? 0 : stat.mode & 0o022, path).toBe(0);
    }
    // What dpkg verifies: all that is installed is what was packed.
    expect(await run("dpkg", "-V", HEADLESS)).toBe("");
    expect(await run("stat", "-c", "%a %U %G", "/var/lib/castaway")).toBe("700 castaway castaway");
  });

  test("the web shell is in it, and runs as any user", async () => {
    const look = `
      castaway web --no-open >/tmp/web 2>&1 & shell=$!
      for try in $(seq 100); do url=$(grep -om1 'http://[^ ]*' /tmp/web) && break; sleep 0.1; done
      python3 -c 'import sys, urllib.request as u
u.build_opener(u.HTTPCookieProcessor())
print(u.build_opener(u.HTTPCookieProcessor()).open(sys.argv[1]).read().decode())' "$url" || cat /tmp/web
      kill $shell`;
    const { stdout, stderr } = await as(INSTALLER, "sh", "-c", look);
    expect(stdout + stderr).toContain("<title>Castaway</title>");
  });

  test("an update keeps the network, the owners and the device, and tells clients that the daemon will be back", async () => {
    const kept = async (): Promise<unknown> => ({
      network: (await status()).networks.map(({ id, name }) => ({ id, name })),
      owners: await run("castaway", "owners"),
      device: await run("cat", "/sys/class/net/castaway0/ifindex"),
    });
    const was = await kept();
    const pids = [await shown("MainPID"), await run("systemctl", "show", "castaway-meet", "-P", "MainPID")];
    const listen = `import socket
client = socket.socket(socket.AF_UNIX); client.connect("/run/castaway/control.sock"); open("/tmp/listens", "w")
print(b"".join(iter(lambda: client.recv(65536), b"")).decode())`;
    const client = anyway("python3", "-c", listen);
    await computer.until("a client listens", () => exists("/tmp/listens"));
    await run(`SUDO_UID=${OTHER}`, "dpkg", "-i", `/files/${debs.now}`);
    expect(JSON.parse((await client).stdout.trim().split("\n").at(-1)!)).toEqual({
      type: "bye",
      reason: "update",
    });
    await answers();
    expect((await status()).daemon.version).toBe(NOW.version);
    expect(await kept()).toEqual(was);
    const after = [await shown("MainPID"), await run("systemctl", "show", "castaway-meet", "-P", "MainPID")];
    for (const pid of after) expect(pids).not.toContain(pid);
    expect(await shown("NRestarts")).toBe("0");
  });

  test("stopped while signals come that say to go on, as systemd sends one, it ends well", async () => {
    await run("systemctl", "start", "castaway"); // where this is tried again
    const pid = await shown("MainPID");
    await run(
      "sh",
      "-c",
      `(while kill -CONT ${pid} 2>/dev/null; do :; done) & systemctl stop castaway; wait`,
    );
    expect(await shown("Result")).toBe("success");
    expect(await run("tail", "-n", "1", "/run/castaway.log")).toContain('castaway ends reason="bye"');
    await run("systemctl", "start", "castaway");
    await answers();
  });

  test("a service that somebody switched off stays off", async () => {
    await run("systemctl", "disable", "--now", "castaway");
    await dpkg("-i", `/files/${debs.now}`);
    expect((await anyway("systemctl", "is-enabled", "castaway")).stdout.trim()).toBe("disabled");
    expect((await anyway("systemctl", "is-active", "castaway")).stdout.trim()).toBe("inactive");
    await run("systemctl", "enable", "--now", "castaway");
    await answers();
  });

  test("removed, nothing of it runs or can be run; what was made with it is kept", async () => {
    await dpkg("--remove", HEADLESS);
    for (const path of ["/usr/bin/castaway", "/run/castaway", "/sys/class/net/castaway0"])
      expect(await exists(path), path).toBe(false);
    expect((await anyway("pgrep", "-u", "castaway")).stdout).toBe("");
    expect((await anyway("pgrep", "-x", "castaway")).stdout).toBe("");
    expect(await run("stat", "-c", "%a %U", "/var/lib/castaway/state.json")).toBe("600 castaway");
    const left = changesIn(computer.path("/run/changes"));
    expect(left.get("/var/lib/castaway/state.json")).toMatch(/^file 600 /);
    expect([...left.keys()].filter((path) => path.startsWith("/usr/"))).toEqual(
      [...before.keys()].filter((path) => path.startsWith("/usr/")),
    );
  });

  test("installed again, the network is there again", async () => {
    await dpkg("-i", `/files/${debs.now}`);
    await answers();
    expect((await status()).networks.map(({ name }) => name)).toEqual(["home"]);
  });

  test("purged, there is no trace", async () => {
    await dpkg("--purge", HEADLESS);
    expect(traces()).toEqual([]);
    expect((await anyway("getent", "passwd", "castaway")).code).not.toBe(0);
    expect((await anyway("getent", "group", "castaway")).code).not.toBe(0);
    expect((await anyway("dpkg", "-l", HEADLESS)).stdout).not.toMatch(/^[a-z][a-z] +castaway-headless/m);
    expect(
      (await anyway("systemctl", "list-units", "--all", "--no-legend", "castaway*.service")).stdout,
    ).toBe("");
  });

  test("where no systemd runs (a chroot, an image in the making) it is installed and starts nothing", async () => {
    const apart = (command: string): Promise<string> =>
      run(
        `SUDO_UID=${INSTALLER}`,
        "unshare",
        "--mount",
        "sh",
        "-ec",
        `mount -t tmpfs tmpfs /run; ${command}`,
      );
    await apart(`dpkg -i /files/${debs.now}`);
    expect(await run("readlink", "/etc/systemd/system/multi-user.target.wants/castaway.service")).toMatch(
      /\/castaway\.service$/,
    );
    expect((await anyway("systemctl", "is-active", "castaway")).stdout.trim()).toBe("inactive");
    await apart(`dpkg --purge ${HEADLESS}`);
    expect(traces()).toEqual([]);
  });

  test("where policy-rc.d says that no service may be started, none is", async () => {
    const policy = "/usr/sbin/policy-rc.d";
    await run("sh", "-c", `printf '#!/bin/sh\nexit 101\n' >${policy} && chmod 755 ${policy}`);
    await dpkg("-i", `/files/${debs.now}`);
    expect((await anyway("systemctl", "is-active", "castaway")).stdout.trim()).toBe("inactive");
    await run("rm", policy);
    await dpkg("--purge", HEADLESS);
    expect(traces()).toEqual([]);
  });

  test("where there is RPM and no Debian helper, the same scripts do the same", async () => {
    const scripts = join(folder, "scripts");
    for (const file of Object.values(SCRIPTS)) cpSync(file, join(scripts, basename(file)));
    stage(join(folder, "rpm"), await systemFiles("rpm", NOW.version), NOW.time);
    await run("rm", "/usr/bin/deb-systemd-helper", "/usr/bin/deb-systemd-invoke");
    await run("cp", "-a", "/files/rpm/usr", "/");
    await run("install", "-m", "755", `/files/castaway-${NOW.version}`, "/usr/bin/castaway");
    const script = (name: string, installed: number): Promise<string> =>
      run(`PKEXEC_UID=${INSTALLER}`, "sh", `/files/scripts/${name}.sh`, String(installed));

    await script("after-install", 1);
    await answers();
    expect(await run("systemctl", "is-enabled", "castaway")).toBe("enabled");
    expect(await run("castaway", "owners")).toContain(`uid ${INSTALLER}`);
    const pid = await shown("MainPID");
    // An update runs the new package's first script, and then the old one's others.
    await script("after-install", 2);
    await script("before-remove", 1);
    await script("after-remove", 1);
    await answers();
    expect(await shown("MainPID")).not.toBe(pid);

    await script("before-remove", 0);
    expect((await anyway("systemctl", "is-active", "castaway")).stdout.trim()).toBe("inactive");
    await run("rm", "/usr/bin/castaway", "/usr/lib/systemd/system/castaway.service");
    await script("after-remove", 0);
    expect((await anyway("systemctl", "is-enabled", "castaway")).code).not.toBe(0);
    expect(await exists("/etc/systemd/system/multi-user.target.wants/castaway.service")).toBe(false);
    expect(await run("stat", "-c", "%U", "/var/lib/castaway")).toBe("castaway");
  });
});
