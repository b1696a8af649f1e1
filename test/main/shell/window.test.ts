import { expect, test } from "vitest";
import { openWindow, type Place, type WindowPlan } from "#main/shell/window.ts";
import { electronStandIn } from "#test/support/app/electron-stand-in.ts";

function open(changes: Partial<WindowPlan> = {}) {
  const electron = electronStandIn();
  const kept: Place[] = [];
  openWindow({
    electron: electron.parts,
    preload: "/app/preload.cjs",
    icon: "/app/icon.png",
    devTools: false,
    platform: "linux",
    place: undefined,
    remember: (place) => kept.push(place),
    ...changes,
  });
  const window = electron.windows[0];
  if (!window) throw new Error("no window");
  return { window, kept };
}

test("an ordinary window that can be resized, shown when there is something to see", () => {
  const { window } = open();
  expect(window.options).toMatchObject({
    width: 1080,
    height: 760,
    minWidth: 360,
    show: false,
    icon: "/app/icon.png",
  });
  expect(window.options.resizable ?? true).toBe(true);
  expect(window.options.frame ?? true).toBe(true);
  expect(window.url).toBe("app://castaway/index.html");
  expect(window.visible).toBe(false);
  window.emit("ready-to-show");
  expect(window.visible).toBe(true);
});

test("it opens where it was, and as large", () => {
  const place = { bounds: { x: 100, y: 50, width: 700, height: 600 }, maximized: true };
  const { window, kept } = open({ place });
  expect(window.options).toMatchObject(place.bounds);
  window.emit("ready-to-show");
  expect(window.maximized).toBe(true);
  window.close();
  expect(kept).toEqual([place]);
});

test.each([
  ["a screen to the right that is gone", { x: 2500, y: 50, width: 700, height: 600 }],
  ["too far to the left to be gripped", { x: -680, y: 50, width: 700, height: 600 }],
  ["with its title bar above the screen", { x: 100, y: -300, width: 700, height: 600 }],
  ["below the screen", { x: 100, y: 1070, width: 700, height: 600 }],
])("but not %s", (_where, bounds) => {
  const { window } = open({ place: { bounds, maximized: false } });
  expect(window.options.x).toBeUndefined();
  expect(window.options.width).toBe(1080);
});
