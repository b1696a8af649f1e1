import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Finished } from "#test/support/child.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { PORT } from "./streams-scene.ts";

const missing = missingForLab();
const CLI = fileURLToPath(new URL("../../helper/cli/main.ts", import.meta.url));

describe.skipIf(missing !== undefined)(`the state on disk${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let home: TestDaemon;
  let away: TestDaemon;
  let folder: string;
  let file: string;
  let good: Buffer;

  beforeAll(async () => {
    lab = await Lab.create({ portForward: PORT });
    await lab.setInboundBlocked6("home", true);
    home = await TestDaemon.inLab(lab, "home", { lan: ["lan=full"] });
    away = await TestDaemon.inLab(lab, "away");
    await away.join((await home.invite(`${lab.homePublic.address4}:${PORT}`)).link);
    folder = join(home.folder, "state");
    file = join(folder, "state.json");
  });
  afterAll(async () => lab?.dispose());

  /** A start that has to fail. */
  const start = (...words: readonly string[]): Promise<Finished> =>
    lab
      .host("home")
      .exec(
        process.execPath,
        [CLI, "daemon", "--foreground", "--state", folder, "--socket", home.socketPath, ...words],
        {
          anyExit: true,
          timeoutMs: 20_000,
        },
      );
  const asides = (): string[] => readdirSync(folder).filter((name) => name.includes(".damaged-"));
  /** Every file by name with what is in it. */
  const contents = (): Record<string, string> =>
    Object.fromEntries(
      readdirSync(folder)
        .sort()
        .map((name) => [name, readFileSync(join(folder, name), "base64")]),
    );

  test("is its owner's alone: files 0600 in a folder 0700", () => {
    for (const daemon of [home, away]) {
      const at = join(daemon.folder, "state");
      expect(statSync(at).mode & 0o7777).toBe(0o700);
      const names = readdirSync(at);
      expect(names).toContain("state.json");
      for (const name of names) {
        const { mode, uid } = statSync(join(at, name));
        expect(mode & 0o7777, name).toBe(0o600);
        expect(uid, name).toBe(process.getuid!());
      }
    }
  });

  test("damaged: set aside as it is, with an error that says what to do, and the daemon does not start", async () => {
    await home.kill("SIGTERM");
    good = readFileSync(file);
    const previous = readFileSync(`${file}.previous`);
    const damaged = Buffer.from(good);
    damaged.fill("X", 200, 260);
    writeFileSync(file, damaged);
    const { code, stderr } = await start();
    expect(code).toBe(1);
    expect(stderr).toMatch(/state\.json is damaged/);
    expect(stderr).toMatch(/put a backup in place|--new-state/);
    expect(asides()).toHaveLength(1);
    expect(stderr).toContain(asides()[0]);
    expect(readFileSync(join(folder, asides()[0]!)).equals(damaged)).toBe(true);
    expect(readFileSync(`${file}.previous`).equals(previous)).toBe(true);
    expect(stderr).not.toContain(JSON.parse(good.toString()).value.machine.privateKey);
  });

  test("and no second start makes a new identity in its place, or writes anything", async () => {
    const before = contents();
    const { code, stderr } = await start();
    expect(code).toBe(1);
    expect(stderr).toMatch(/state\.json is missing, but there was one/);
    expect(contents()).toEqual(before);
  });

  test.each([
    ["cut off", (whole: Buffer) => whole.subarray(0, whole.length / 2)],
    ["empty", () => Buffer.alloc(0)],
    ["of zeros, as after a power cut", (whole: Buffer) => Buffer.alloc(whole.length)],
  ])("the same where the file is %s", async (_, damage) => {
    writeFileSync(file, damage(good), { mode: 0o600 });
    const count = asides().length;
    const { code, stderr } = await start();
    expect(code).toBe(1);
    expect(stderr).toMatch(/state\.json is damaged/);
    expect(asides()).toHaveLength(count + 1);
  });

  test("that others could have written is not trusted", async () => {
    writeFileSync(file, good, { mode: 0o600 });
    await lab.host("home").exec("chmod", ["666", file]);
    const { code, stderr } = await start();
    expect(code).toBe(1);
    expect(stderr).toMatch(/state\.json/);
    expect(readFileSync(file).equals(good)).toBe(true);
    await lab.host("home").exec("chmod", ["600", file]);
  });

  test("of a newer version is left where it is", async () => {
    const newer = JSON.stringify({ ...JSON.parse(good.toString()), version: 99 });
    writeFileSync(file, newer);
    const { code, stderr } = await start();
    expect(code).toBe(1);
    expect(stderr).toMatch(/newer Castaway/);
    expect(readFileSync(file, "utf8")).toBe(newer);
  });

  test("put back: the same network and members, and the guest is back by itself", async () => {
    writeFileSync(file, good);
    await home.restart();
    const { networks } = await home.until("the guest is here", (snapshot) =>
      snapshot.networks[0]!.members.every((member) => member.online),
    );
    expect(networks[0]!.members).toHaveLength(2);
  });

  test("--new-state begins anew, and still throws nothing away", async () => {
    await home.kill("SIGTERM");
    writeFileSync(file, "{");
    const count = asides().length;
    const daemon = lab
      .host("home")
      .spawn(process.execPath, [
        CLI,
        "daemon",
        "--foreground",
        "--state",
        folder,
        "--socket",
        home.socketPath,
        "--new-state",
      ]);
    await daemon.line(/castaway runs/, 20_000);
    await daemon.stop();
    expect(asides()).toHaveLength(count + 1);
    const state = JSON.parse(readFileSync(file, "utf8")) as {
      value: { machine: { publicKey: string }; hosted: unknown };
    };
    expect(state.value.hosted).toBeNull();
    expect(state.value.machine.publicKey).not.toBe(JSON.parse(good.toString()).value.machine.publicKey);
    expect(readdirSync(folder).some((name) => name.includes(".kept-"))).toBe(true);
  });
});
