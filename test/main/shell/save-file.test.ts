import { mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { Playlists, saveReport } from "#main/shell/save-file.ts";
import { electronStandIn } from "#test/support/app/electron-stand-in.ts";

const PLAYLIST = "#EXTM3U\n#EXTINF:-1,Channel 1\nrtp://@239.1.2.3:5004\n";

function make() {
  const electron = electronStandIn();
  return { electron, playlists: new Playlists(electron.parts.shell, electron.folder) };
}

test("a playlist is a file that this user alone can read, in a folder of its own, until the app ends", async () => {
  const { electron, playlists } = make();
  await playlists.play(PLAYLIST);
  const [path = ""] = electron.shell.opened;
  expect(path.endsWith("/stream.m3u")).toBe(true);
  expect(readFileSync(path, "utf8")).toBe(PLAYLIST);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  await playlists.removeAll();
  expect(() => statSync(dirname(path))).toThrow("ENOENT");
});

test.each(["udp://@239.1.2.3:1234", "udp://192.0.2.1@232.1.1.1:1234", "rtp://[2001:db8::1]@[ff3e::1]:1234"])(
  "a stream's address: %s",
  async (address) => {
    const { electron, playlists } = make();
    await playlists.play(`#EXTM3U\n${address}\n`);
    expect(electron.shell.opened).toHaveLength(1);
  },
);

test.each([
  "",
  "#EXTM3U\n",
  "udp://@239.1.2.3:1234\n",
  "#EXTM3U\nfile:///etc/passwd\n",
  "#EXTM3U\n/etc/passwd\n",
  "#EXTM3U\nhttp://127.0.0.1/\n",
  "#EXTM3U\nsmb://server/share\n",
  "#EXTM3U\nudp://@239.1.2.3:1234\nfile:///etc/passwd\n",
  "#EXTM3U\nudp://@239.1.2.3:1234/../x\n",
  "#EXTM3U\nudp://@host.example:1234\n",
  "#EXTM3U\r\nhttp://x/\r\n",
])("%j is none, and no player is started", async (playlist) => {
  const { electron, playlists } = make();
  await expect(playlists.play(playlist)).rejects.toThrow("This is no playlist of streams.");
  expect(electron.shell.opened).toEqual([]);
});

test("no player is a sentence with a way out", async () => {
  const { electron, playlists } = make();
  electron.shell.problem = "No application is registered";
  await expect(playlists.play(PLAYLIST)).rejects.toMatchObject({
    message: "No player could be started for this stream.",
    remedy: expect.stringContaining("VLC") as string,
  });
});

test("a report goes where the person says, or nowhere", async () => {
  const { parts, dialog, folder } = electronStandIn();
  const report = { fileName: "../castaway-report.txt", text: "all is well" };
  expect(await saveReport(parts, report)).toBeNull();
  dialog.saveTo = join(folder, "mine.txt");
  expect(await saveReport(parts, report)).toBe(dialog.saveTo);
  expect(readFileSync(dialog.saveTo, "utf8")).toBe("all is well");
  mkdirSync(join(folder, "taken"));
  dialog.saveTo = join(folder, "taken");
  await expect(saveReport(parts, report)).rejects.toThrow("The report could not be saved there (EISDIR).");
});
