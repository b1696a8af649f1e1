// The headless .deb with another program in the executable's place; test/net/package-*.test.ts install the real one.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasCommand } from "#test/support/requirements.ts";
import { commandOutput, manPage } from "#packaging/command-texts.ts";
import { debianArchitecture, debianVersion } from "#packaging/debian.ts";
import { buildHeadlessPackage, SCRIPTS } from "#packaging/headless.ts";
import { release, releaseTime } from "#packaging/release.ts";

const RELEASE = release({ SOURCE_DATE_EPOCH: "1700000000" });
const SOME_PROGRAM = "/bin/true";

describe.skipIf(!hasCommand("dpkg-deb"))("the headless .deb (skipped without dpkg-deb)", () => {
  const folder = mkdtempSync(join(tmpdir(), "castaway-deb-"));
  let file: string;
  const build = async (name: string): Promise<string> => {
    for (const one of [name, "tmp"]) mkdirSync(join(folder, one), { recursive: true });
    const usual = process.env["TMPDIR"];
    process.env["TMPDIR"] = join(folder, "tmp");
    return buildHeadlessPackage({
      executable: SOME_PROGRAM,
      release: RELEASE,
      folder: join(folder, name),
      compression: "gzip",
    }).finally(() => {
      if (usual === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = usual;
    });
  };
  beforeAll(async () => {
    file = await build("first");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("has each file in its place, root's, and writable by root alone", () => {
    const list = execFileSync("dpkg-deb", ["-c", file], { encoding: "utf8" }).trim().split("\n");
    const entries = list.map((line) => /^(\S+) (\S+) +\d+ (\S+ \S+) (\S+)$/.exec(line)!.slice(1));
    for (const [mode = "", owner, time, path] of entries) {
      expect(owner, path).toBe("root/root");
      expect(mode, path).toMatch(/^(d|-)rw[x-]r-[x-]r-[x-]$/);
      expect(time, path).toMatch(/^2023-11-1/);
    }
    expect(
      entries.filter(([mode]) => mode?.startsWith("-")).map(([mode, , , path]) => `${mode} ${path}`),
    ).toEqual([
      "-rwxr-xr-x ./usr/bin/castaway",
      "-rw-r--r-- ./usr/lib/systemd/system/castaway-meet.service",
      "-rw-r--r-- ./usr/lib/systemd/system/castaway.service",
      "-rw-r--r-- ./usr/lib/sysusers.d/castaway.conf",
      "-rw-r--r-- ./usr/share/bash-completion/completions/castaway",
      "-rw-r--r-- ./usr/share/doc/castaway-headless/THIRD-PARTY.txt.gz",
      "-rw-r--r-- ./usr/share/doc/castaway-headless/changelog.gz",
      "-rw-r--r-- ./usr/share/doc/castaway-headless/copyright",
      "-rw-r--r-- ./usr/share/doc/castaway-headless/examples/grafana-dashboard.json",
      "-rw-r--r-- ./usr/share/fish/vendor_completions.d/castaway.fish",
      "-rw-r--r-- ./usr/share/lintian/overrides/castaway-headless",
      "-rw-r--r-- ./usr/share/man/man1/castaway.1.gz",
      "-rw-r--r-- ./usr/share/zsh/vendor-completions/_castaway",
    ]);
  });

  test("the same files give the same bytes, whatever the umask and the hour", async () => {
    const before = process.umask(0o077);
    try {
      expect(readFileSync(await build("second")).equals(readFileSync(file))).toBe(true);
    } finally {
      process.umask(before);
    }
  });

  test("nothing is left of the making", () => {
    expect(readdirSync(join(folder, "first"))).toEqual([
      `castaway-headless_${RELEASE.version}_${debianArchitecture(process.arch)}.deb`,
    ]);
    expect(readdirSync(join(folder, "tmp"))).toEqual([]);
  });

  test.skipIf(!hasCommand("lintian"))(
    "lintian finds no error and no warning (skipped without lintian)",
    () => {
      const words = ["--allow-root", "--fail-on", "error,warning", "--no-tag-display-limit", file];
      const { stdout, stderr, status } = spawnSync("lintian", words, { encoding: "utf8", timeout: 60_000 });
      const found = `${stdout}${stderr}`.split("\n").filter((line) => /^[EW]:/.test(line));
      expect(found).toEqual([]);
      expect(status).toBe(0);
    },
    70_000,
  );
});

describe("the maintainer scripts", () => {
  test.each(Object.values(SCRIPTS))(
    "%s: any shell reads it, and electron-builder finds nothing to fill in",
    (file) => {
      expect(spawnSync("sh", ["-n", file], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
      expect(readFileSync(file, "utf8")).not.toMatch(/\$\{[a-zA-Z]+\}/);
    },
  );

  test.each([
    ["after-install", SCRIPTS.postinst, ["triggered", "/usr/share/man"]],
    ["before-remove", SCRIPTS.prerm, ["upgrade", "0.2.0"]],
    ["before-remove, of RPM's update", SCRIPTS.prerm, ["1"]],
    ["after-remove", SCRIPTS.postrm, ["upgrade", "0.2.0"]],
    ["after-remove, of RPM's update", SCRIPTS.postrm, ["1"]],
  ])("%s has nothing to do with what is none of its business", (_, file, words) => {
    const folder = mkdtempSync(join(tmpdir(), "castaway-script-"));
    try {
      // Every command would be one that fails, and says so.
      const result = spawnSync("/bin/sh", [file, ...words], { encoding: "utf8", env: { PATH: folder } });
      expect(result).toMatchObject({ status: 0, stdout: "", stderr: "" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("what a release is", () => {
  test("a version before another one comes before it in Debian's order", () => {
    expect(debianVersion("1.0.0-beta.1")).toBe("1.0.0~beta.1");
    expect(debianVersion("1.0.0")).toBe("1.0.0");
  });

  test("a processor that there is no Node for is refused", () => {
    expect(debianArchitecture("arm64")).toBe("arm64");
    expect(() => debianArchitecture("mips")).toThrow('no package for the processor "mips"');
  });

  test("its time is SOURCE_DATE_EPOCH, and nothing else that stands there", () => {
    expect(releaseTime({ SOURCE_DATE_EPOCH: "1700000000" })).toBe(1_700_000_000);
    for (const wrong of ["", "yesterday", "-1", "1e9", "99999999999999"])
      expect(() => releaseTime({ SOURCE_DATE_EPOCH: wrong }), wrong).toThrow(
        "not a number of seconds since 1970",
      );
  });

  test("or the last commit's", () => {
    expect(releaseTime({})).toBe(Number(execFileSync("git", ["log", "-1", "--format=%ct"])));
  });
});

describe("the texts of the commands", () => {
  test.skipIf(!hasCommand("man"))(
    "man(1) reads castaway(1) without a complaint (skipped without man)",
    () => {
      const folder = mkdtempSync(join(tmpdir(), "castaway-man-"));
      try {
        writeFileSync(join(folder, "castaway.1"), manPage("1.2.3"));
        const words = ["--warnings", "-E", "UTF-8", "-l", "-Tutf8", join(folder, "castaway.1")];
        const { stdout, stderr } = spawnSync("man", words, {
          encoding: "utf8",
          env: { ...process.env, MANPAGER: "cat", MANWIDTH: "80" },
        });
        expect(stderr).toBe("");
        const plain = stdout.replaceAll(/.[\b]/g, "");
        expect(plain).toContain("castaway - an encrypted multicast tunnel");
        expect(plain).toMatch(/castaway share lan/);
        expect(plain).toMatch(/castaway invite list/);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  test.each(["bash", "zsh", "fish"])("%s reads its completion (skipped without it)", async (shell) => {
    const script = await commandOutput(["completion", shell], "1.2.3");
    expect(script).toContain("castaway");
    if (!hasCommand(shell)) return;
    const folder = mkdtempSync(join(tmpdir(), "castaway-completion-"));
    try {
      writeFileSync(join(folder, "script"), script);
      const words = ["-n", join(folder, "script")];
      expect(spawnSync(shell, words, { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("a command that does not exist is an error, not an empty file", async () => {
    await expect(commandOutput(["completion", "tcsh"], "1.2.3")).rejects.toThrow("castaway completion tcsh");
  });
});
