import { expect, test } from "vitest";
import { linkIn, listenForLinks } from "#main/shell/opened-links.ts";
import { isFirstInstance } from "#main/shell/single-instance.ts";
import { electronStandIn } from "#test/support/app/electron-stand-in.ts";

const LINK = "castaway://join/abcd";

test.each([
  [["castaway-desktop", LINK], LINK],
  [["electron", ".", "--hidden", LINK], LINK],
  [["castaway-desktop", "CASTAWAY://JOIN/ABCD"], "CASTAWAY://JOIN/ABCD"],
  [["castaway-desktop", "--no-sandbox", LINK, "castaway://join/efgh"], "castaway://join/efgh"],
  [["castaway-desktop", "amt://198.51.100.10@232.1.1.1"], "amt://198.51.100.10@232.1.1.1"],
  [["castaway-desktop", "AMT:x"], "AMT:x"],
  [["castaway-desktop", "amtrak://x"], undefined],
  [["castaway-desktop"], undefined],
  [[LINK], undefined],
  [["castaway-desktop", "https://example.org/castaway:"], undefined],
  [["castaway-desktop", "--url=castaway://join/abcd"], undefined],
  [[], undefined],
])("among %j the link is %s", (argv, link) => {
  expect(linkIn(argv)).toBe(link);
});

test("10 MB behind the scheme are cut to what is still refused as too long", () => {
  expect(linkIn(["x", `castaway:${"a".repeat(10_000_000)}`])?.length).toBe(20_001);
});

test("a second start hands its link over, and ends; the first shows its window", () => {
  const { parts, app } = electronStandIn();
  const again: (string | undefined)[] = [];
  expect(isFirstInstance(parts.app, (link) => again.push(link))).toBe(true);
  app.emit("second-instance", {}, ["castaway-desktop", LINK], "/");
  app.emit("second-instance", {}, ["castaway-desktop"], "/");
  expect(again).toEqual([LINK, undefined]);
  app.isFirst = false;
  expect(isFirstInstance(parts.app, () => {})).toBe(false);
});

test("macOS hands links over by an event, which is ours then", () => {
  const { parts, app } = electronStandIn();
  const opened: string[] = [];
  listenForLinks(parts.app, "darwin", (link) => opened.push(link));
  let prevented = false;
  app.emit("open-url", { preventDefault: () => (prevented = true) }, LINK);
  expect(opened).toEqual([LINK]);
  expect(prevented).toBe(true);
});

test.each([
  ["win32", true, true],
  ["darwin", true, true],
  ["linux", true, false], // the desktop file says it
  ["win32", false, false],
] as const)("on %s, packaged %s, the app asks to be the scheme's: %s", (platform, packaged, expected) => {
  const { parts, app } = electronStandIn();
  app.isPackaged = packaged;
  listenForLinks(parts.app, platform, () => {});
  expect(app.called("setAsDefaultProtocolClient")).toBe(expected);
});
