import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Group } from "#contract/snapshot.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { words } from "#test/support/machine.ts";
import { hasCommand, missingForLab } from "#test/support/requirements.ts";
import { announceVideo, sendVideo } from "#test/support/traffic/ffmpeg.ts";
import { startReceiver } from "#test/support/traffic/mcast.ts";
import { PORT, withPort } from "./streams-scene.ts";

const missing = missingForLab("ffmpeg");
const TUN = "castaway0";

// Programs announce their streams on the home LAN, and both ends of the tunnel know what they are called.
describe.skipIf(missing !== undefined)(`names of streams${missing ? ` (${missing})` : ""}`, () => {
  let lab: Lab;
  let home: TestDaemon;
  let away: TestDaemon;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "castaway-names-"));
    chmodSync(folder, 0o777);
    lab = await Lab.create({ portForward: PORT });
    [home, away] = await Promise.all([TestDaemon.inLab(lab, "home"), TestDaemon.inLab(lab, "away")]);
    const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
    await away.join(link);
    await away.until("connected", ({ networks }) => networks.some(({ state }) => state === "connected"));
  }, 60_000);
  afterAll(async () => {
    await lab?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const groupsOf = async (daemon: TestDaemon): Promise<readonly Group[]> =>
    (await daemon.json<{ groups: Group[] }>("groups")).groups;
  const named = (groups: readonly Group[], wanted: string): readonly Partial<Group>[] =>
    groups
      .filter(({ group, source }) => group === wanted && source !== null)
      .map(({ source, name, nameFrom, port, payload }) => ({ source, name, nameFrom, port, payload }));

  test.each([
    ["239.255.42.1", 4],
    ["ff1e::42:1", 6],
  ] as const)("ffmpeg's announcement of %s is heard at home and away", async (group, family) => {
    const source = lab.host("source");
    const sender = announceVideo(source, {
      group: withPort(group),
      title: "BBC One \u202eeno",
    });
    // Nobody listens yet: it is known away as something to be had.
    await expect
      .poll(async () => (await groupsOf(away)).filter((one) => one.group === group), { timeout: 20_000 })
      .toMatchObject([{ name: "BBC One eno", port: 5004, payload: "rtp", inVif: null, listeners: [] }]);
    const receiver = await startReceiver(lab.host("away"), { group: withPort(group), interface: TUN });
    const expected = {
      source: family === 4 ? source.address4 : expect.stringContaining(":"),
      ...{ name: "BBC One eno", nameFrom: "announcement", port: 5004, payload: "rtp" },
    };
    for (const daemon of [home, away])
      await expect
        .poll(async () => named(await groupsOf(daemon), group), { timeout: 20_000 })
        .toEqual([expected]);
    expect((await away.castaway("groups")).stdout).toMatch(/BBC One eno .*rtp, port 5004/);
    expect((await home.castaway("dump")).stdout).toContain("BBC One eno (announcement)");
    await sender.stop();
    await receiver.stop();
  });

  test("a stream that nobody announces has its port and what it carries", async () => {
    const group = "239.255.42.3";
    const receiver = await startReceiver(lab.host("away"), { group: withPort(group, 5010), interface: TUN });
    const sender = sendVideo(lab.host("source"), { group: `${group}:5010`, codec: "mpeg2" });
    for (const daemon of [home, away])
      await expect
        .poll(async () => named(await groupsOf(daemon), group), { timeout: 20_000 })
        .toMatchObject([{ name: null, port: 5010, payload: "rtp-mpegts" }]);
    await sender.stop();
    await receiver.stop();
  });

  test("VLC announces on the group of its scope", async (context) => {
    if (!hasCommand("cvlc") || !hasCommand("setpriv")) context.skip("needs cvlc and setpriv");
    const group = "239.255.42.4";
    const receiver = await startReceiver(lab.host("away"), { group: withPort(group, 5012), interface: TUN });
    const file = join(folder, "picture.ts");
    const source = lab.host("source");
    await source.exec("ffmpeg", [
      ...words("-loglevel error -f lavfi -i testsrc2=size=320x180:rate=25 -t 2 -c:v mpeg2video -f mpegts"),
      file,
    ]);
    const output = `#rtp{dst=${group},port=5012,mux=ts,ttl=16,sap,name=Radio 4}`;
    const sender = source.spawn(
      "setpriv",
      [
        ...words("--reuid=65534 --regid=65534 --clear-groups cvlc -I dummy --loop --sout-keep"), // it refuses to run as root
        ...[file, "--sout", output],
      ],
      { env: { HOME: folder, XDG_RUNTIME_DIR: folder }, label: "cvlc" },
    );
    for (const daemon of [home, away])
      await expect
        .poll(async () => named(await groupsOf(daemon), group), { timeout: 30_000 })
        .toMatchObject([{ name: "Radio 4", nameFrom: "announcement", port: 5012 }]);
    await sender.stop();
    await receiver.stop();
  });

  test("the groups of announcements are joined while somebody looks, and are no streams", async () => {
    const joined = (await lab.host("home").exec("ip", ["maddress", "show", "dev", "lan"])).stdout;
    for (const group of ["224.2.127.254", "239.255.255.255", "ff0e::2:7ffe"]) expect(joined).toContain(group);
    const visited = (await lab.host("away").exec("ip", ["maddress", "show", "dev", "wan"])).stdout;
    expect(visited).not.toContain("224.2.127.254");
    for (const { vifs } of [await home.status(), await away.status()])
      expect(vifs.map(({ name }) => name)).not.toContain("announcements");
  });
});
