import { describe, expect, test } from "vitest";
import { SERVICE_ACTIONS, type ServiceAction } from "#main/contract/state.ts";
import { type FileFacts, type LookAt, whyNotRootOwned } from "#main/shell/root-owned.ts";
import { type Elevate, type InstallerParts, ServiceInstaller } from "#main/shell/service-installer.ts";

const RESOURCES = "/opt/Castaway/resources";
const SCRIPT = `${RESOURCES}/service/service-control.sh`;
const FILES = [
  SCRIPT,
  `${RESOURCES}/castaway`,
  `${RESOURCES}/service/castaway.service`,
  `${RESOURCES}/service/castaway.sysusers`,
];

const facts = (kind: "file" | "folder" | "link", uid = 0, mode = 0o755): FileFacts => ({
  uid,
  mode,
  isFile: () => kind === "file",
  isDirectory: () => kind === "folder",
});
/** As the package installs it, but for what is named; undefined: it is not there. */
const disk =
  (changes: Readonly<Record<string, FileFacts | undefined>> = {}): LookAt =>
  async (path) => {
    const one = path in changes ? changes[path] : facts(FILES.includes(path) ? "file" : "folder");
    if (!one) throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
    return one;
  };

function make(
  changes: Partial<InstallerParts> = {},
  answer: [error?: Error, out?: string, err?: string] = [],
) {
  const commands: string[] = [];
  const elevate: Elevate = (command, _options, done) => {
    commands.push(command);
    done(...answer);
  };
  const installer = new ServiceInstaller({
    elevate,
    platform: "linux",
    packaged: true,
    appImage: undefined,
    resources: RESOURCES,
    uid: 1000,
    lookAt: disk(),
    ...changes,
  });
  return { installer, commands };
}

const refusal = async (changes: Partial<InstallerParts>, action: ServiceAction = "install") => {
  const { installer, commands } = make(changes);
  const error: unknown = await installer.act(action).catch((thrown: unknown) => thrown);
  expect(commands).toEqual([]);
  return error;
};

describe("one password, one command", () => {
  test.each(SERVICE_ACTIONS)("%s", async (action) => {
    const { installer, commands } = make();
    expect(await installer.act(action)).toBe("done");
    expect(commands).toEqual([`/bin/sh ${SCRIPT} ${action} 1000`]);
  });

  test("a dialog that was closed is no failure", async () => {
    expect(await make({}, [new Error("User did not grant permission.")]).installer.act("start")).toBe(
      "cancelled",
    );
  });

  test("what failed says its last line, and how to do it by hand", async () => {
    const { installer } = make({}, [
      new Error("Command failed: …"),
      "",
      "one\nFailed to start castaway.service\n",
    ]);
    await expect(installer.act("start")).rejects.toMatchObject({
      code: "internal",
      message: '"start" did not work: Failed to start castaway.service',
      remedy: "sudo systemctl start castaway",
    });
  });

  test("so does what failed without a word, and a flood of words is cut", async () => {
    await expect(make({}, [new Error("x")]).installer.act("allow")).rejects.toMatchObject({
      message: '"allow" did not work.',
      remedy: "sudo castaway owners add 1000",
    });
    const long = make({}, [new Error("x"), "", "y".repeat(100_000)]).installer.act("remove");
    await expect(long).rejects.toThrow(/^"remove" did not work: y{300}$/);
  });

  test.each(["No polkit authentication agent found.", "Unable to find pkexec or kdesudo."])(
    "a desktop without a dialog: %s",
    async (text) => {
      await expect(make({}, [new Error(text)]).installer.act("restart")).rejects.toMatchObject({
        code: "permission-denied",
        message: "This desktop has no way to ask for a password.",
        remedy: "sudo systemctl restart castaway",
      });
    },
  );

  test("one dialog at a time, and the next after it", async () => {
    let finish: () => void = () => {};
    const { installer } = make({ elevate: (_command, _options, done) => (finish = () => done()) });
    const first = installer.act("start");
    await expect(installer.act("start")).rejects.toMatchObject({ code: "busy" });
    await new Promise(setImmediate);
    finish();
    expect(await first).toBe("done");
    const second = installer.act("start");
    await new Promise(setImmediate);
    finish();
    expect(await second).toBe("done");
  });
});

describe("nothing is run as root", () => {
  test("out of an AppImage, which says what to do instead", async () => {
    expect(await refusal({ appImage: "/home/a/Castaway.AppImage" })).toMatchObject({
      message: "An AppImage cannot manage the service: its files are not root's, and gone when it ends.",
      remedy: expect.stringContaining("castaway-headless") as string,
    });
    expect(await refusal({ appImage: "/home/a/Castaway.AppImage" }, "start")).toMatchObject({
      remedy: "sudo systemctl start castaway",
    });
  });

  test("out of a checkout", async () => {
    expect(await refusal({ packaged: false })).toMatchObject({ remedy: "sudo out/castaway daemon" });
  });

  test.each(["darwin", "win32"] as const)("on %s, where there is no service yet", async (platform) => {
    expect(make({ platform }).installer.isPossible).toBe(false);
    expect(await refusal({ platform })).toMatchObject({
      message: "The Castaway service runs on Linux alone today.",
    });
  });

  test("for an app that runs as root", async () => {
    expect(await refusal({ uid: 0 })).toMatchObject({ message: "The app should not run as root." });
  });

  test.each(FILES)(
    "where %s is somebody else's, can be written by others, is a link, or is not there",
    async (path) => {
      for (const one of [
        facts("file", 1000),
        facts("file", 0, 0o775),
        facts("file", 0, 0o757),
        facts("link"),
        facts("folder"),
        undefined,
      ])
        expect(await refusal({ lookAt: disk({ [path]: one }) })).toMatchObject({
          code: "conflict",
          message: expect.stringContaining(path) as string,
        });
    },
  );

  test.each(["/", "/opt", "/opt/Castaway", RESOURCES, `${RESOURCES}/service`])(
    "where the folder %s is, also with the sticky bit",
    async (path) => {
      for (const one of [facts("folder", 1000), facts("folder", 0, 0o1777), facts("link"), facts("file")])
        expect(await refusal({ lookAt: disk({ [path]: one }) })).toMatchObject({ code: "conflict" });
    },
  );

  test.each([
    "/opt/Cast away/resources",
    "/opt/$(id)/resources",
    '/opt/";id;"/resources',
    "/opt/`id`/resources",
    "/opt/a/../b",
    "opt/Castaway/resources",
    "/opt/a\nb",
    "",
  ])("where its folder is called %j", async (resources) => {
    expect(await refusal({ resources })).toMatchObject({ code: "conflict" });
  });
});

test("what this computer says about its own files", async () => {
  expect(await whyNotRootOwned("/etc/passwd")).toBeUndefined();
  expect(await whyNotRootOwned("/etc")).toBe("/etc is no ordinary file");
  expect(await whyNotRootOwned("/tmp/none")).toBe("/tmp/none is not there");
  expect(await whyNotRootOwned("/proc/self/cwd/x")).toMatch(/is not there|is no ordinary/);
});
