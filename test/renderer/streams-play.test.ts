import { describe, expect, test } from "vitest";
import { MAX_PLAYLIST_CHARACTERS } from "#main/contract/calls.ts";
import {
  needsSource,
  type Playable,
  playAddress,
  playlistFileName,
  playlistOf,
} from "#renderer/screens/streams/play.ts";
import { testGroup } from "#renderer/screens/streams/test-group.ts";

const STREAM: Playable = { group: "239.1.2.3", source: "192.0.2.1", port: 5004, payload: "mpegts" };

describe("the address for players", () => {
  test.each<[Partial<Playable>, string | null]>([
    [{}, "udp://@239.1.2.3:5004"],
    [{ payload: "rtp" }, "rtp://@239.1.2.3:5004"],
    [{ payload: "rtp-mpegts" }, "rtp://@239.1.2.3:5004"],
    [{ source: null }, "udp://@239.1.2.3:5004"],
    [{ group: "232.1.1.1" }, "udp://192.0.2.1@232.1.1.1:5004"],
    [{ group: "232.1.1.1", payload: "rtp" }, "rtp://192.0.2.1@232.1.1.1:5004"],
    [{ group: "ff15::1", source: "2001:db8::1" }, "udp://@[ff15::1]:5004"],
    [{ group: "ff3e::1", source: "2001:db8::1" }, "udp://[2001:db8::1]@[ff3e::1]:5004"],
    [{ group: "FF3E:0::1", source: "2001:db8::1" }, "udp://[2001:db8::1]@[FF3E:0::1]:5004"],
    [{ group: "ff3e:40::1", source: "2001:db8::1" }, "udp://@[ff3e:40::1]:5004"], // RFC 3306, no SSM
    // Nothing that a player could make something of.
    [{ payload: "other" }, null],
    [{ payload: null }, null],
    [{ port: null }, null],
    [{ port: 0 }, null],
    [{ port: 65_536 }, null],
    [{ port: 50.5 }, null],
    [{ group: "232.1.1.1", source: null }, null],
    [{ group: "ff3e::1", source: null }, null],
    // No addresses, and nothing that may get into a playlist.
    [{ group: "239.1.2.3/../x" }, null],
    [{ group: "example.org" }, null],
    [{ group: "239.1.2.3\nfile:///etc/passwd" }, null],
    [{ group: "ff15::1%eth0" }, null],
    [{ group: "" }, null],
  ])("%j: %j", (changes, address) => {
    expect(playAddress({ ...STREAM, ...changes })).toBe(address);
  });

  test("names the source where several send to one group and port", () => {
    const other = { ...STREAM, source: "192.0.2.2" };
    expect(needsSource(STREAM, [STREAM])).toBe(false);
    expect(needsSource(STREAM, [STREAM, other])).toBe(true);
    expect(needsSource(STREAM, [STREAM, { ...other, port: 5006 }])).toBe(false);
    expect(needsSource(STREAM, [STREAM, { ...other, source: null, payload: null }])).toBe(false);
    expect(playAddress(STREAM, true)).toBe("udp://192.0.2.1@239.1.2.3:5004");
    expect(playAddress({ ...STREAM, source: null }, true)).toBe("udp://@239.1.2.3:5004");
    expect(playAddress({ ...STREAM, source: "<script>" }, true)).toBe("udp://@239.1.2.3:5004");
  });
});

describe("a playlist", () => {
  test("has the title and the one address", () => {
    expect(playlistOf("udp://@239.1.2.3:5004", "Das Erste HD")).toBe(
      "#EXTM3U\n#EXTINF:-1,Das Erste HD\nudp://@239.1.2.3:5004\n",
    );
  });

  test("stays one entry, whatever the stream is called", () => {
    const text = playlistOf("udp://@239.1.2.3:5004", "A\nfile:///etc/passwd\r\u2028\u202Ex\0");
    expect(text.split("\n")).toEqual([
      "#EXTM3U",
      "#EXTINF:-1,A file:///etc/passwdx",
      "udp://@239.1.2.3:5004",
      "",
    ]);
  });

  test.each(["W", "🎬"])("is never longer than the shell takes (%s)", (letter) => {
    expect(playlistOf("udp://@239.1.2.3:5004", letter.repeat(5_000)).length).toBeLessThanOrEqual(
      MAX_PLAYLIST_CHARACTERS,
    );
  });

  test.each([
    ["Channel 1", "Channel 1.m3u"],
    ["قناة الجزيرة", "قناة الجزيرة.m3u"],
    ["../../etc/passwd", "etc-passwd.m3u"],
    ["C:\\con<>|?*", "C-con.m3u"],
    ["\u202Eu3m.exe", "u3m.exe.m3u"],
    ["...", "stream.m3u"],
    ["", "stream.m3u"],
    ["W".repeat(300), `${"W".repeat(60)}.m3u`],
  ])("of %j is saved as %j", (title, fileName) => {
    expect(playlistFileName(title)).toBe(fileName);
  });
});

test.each([
  [["239.0.0.0/8", "ff15::/16"], "239.1.2.3"],
  [["224.0.0.0/4"], "239.1.2.3"],
  [["239.255.0.0/16"], "239.255.1.2"],
  [["ff15::/16"], "[ff15::1:2:3]"],
  [[], "239.1.2.3"],
])("a network that carries %j is tried with %s", (ranges, group) => {
  expect(testGroup(ranges)).toBe(group);
});
