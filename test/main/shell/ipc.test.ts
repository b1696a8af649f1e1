import { beforeEach, describe, expect, test } from "vitest";
import { PageMessages } from "#main/shell/ipc.ts";
import { StandInWindow } from "#test/support/app/electron-stand-in-windows.ts";
import { type ElectronStandIn, electronStandIn } from "#test/support/app/electron-stand-in.ts";

interface Opened {
  readonly received: string[];
  readonly send: (text: string) => void;
  readonly end: (reason: string) => void;
  closed: boolean;
}

let electron: ElectronStandIn;
let sessions: Opened[];
let refused: number;
let pages: PageMessages;
let window: StandInWindow;

beforeEach(() => {
  electron = electronStandIn();
  sessions = [];
  refused = 0;
  pages = new PageMessages(
    electron.parts.ipcMain,
    (send, end) => {
      const opened: Opened = { received: [], send, end, closed: false };
      sessions.push(opened);
      return { receive: (text) => void opened.received.push(text), close: () => (opened.closed = true) };
    },
    () => refused++,
  );
  window = new StandInWindow({});
  pages.serve(window);
});

function say(payload: unknown, event: { sender?: unknown; senderFrame?: unknown } = {}): void {
  const { webContents } = window;
  electron.parts.ipcMain.emit(
    "castaway",
    { sender: webContents, senderFrame: webContents.mainFrame, ...event },
    payload,
  );
}

test("our page's text reaches its session, and the session's text the page", () => {
  say("one");
  say("two");
  expect(sessions).toHaveLength(1);
  expect(sessions[0]?.received).toEqual(["one", "two"]);
  sessions[0]?.send("three");
  expect(window.webContents.sent).toEqual(["three"]);
  expect(refused).toBe(0);
});

describe("refused, counted, and nobody's session:", () => {
  test.each<[string, () => void]>([
    ["another page", () => say("x", { sender: new StandInWindow({}).webContents })],
    [
      "a frame inside of our page",
      () => say("x", { senderFrame: { origin: "app://castaway", frameTreeNodeId: 0 } }),
    ],
    ["a frame that is gone", () => say("x", { senderFrame: null })],
    [
      "our frame with another origin",
      () => {
        window.webContents.mainFrame = { ...window.webContents.mainFrame, origin: "https://example.org" };
        say("x");
      },
    ],
    ["an object", () => say({ id: 1, call: "watch", params: {} })],
    ["a number", () => say(1)],
    ["nothing", () => say(undefined)],
    ["bytes", () => say(new Uint8Array(8))],
    ["too much", () => say("x".repeat(65_537))],
    [
      "a window that is gone",
      () => {
        window.destroy();
        say("x");
      },
    ],
  ])("%s", (_what, act) => {
    act();
    expect(refused).toBe(1);
    expect(sessions.flatMap(({ received }) => received)).toEqual([]);
  });
});

test("a page that is loaded again has a session of its own, and the old one says nothing more", () => {
  say("one");
  window.webContents.emit("did-start-navigation", { isMainFrame: true, isSameDocument: false });
  expect(sessions[0]?.closed).toBe(true);
  sessions[0]?.send("late");
  say("two");
  expect(sessions).toHaveLength(2);
  expect(sessions[1]?.received).toEqual(["two"]);
  expect(window.webContents.sent).toEqual([]);
});

test("a step inside of the page, or of a frame, changes nothing", () => {
  say("one");
  window.webContents.emit("did-start-navigation", { isMainFrame: true, isSameDocument: true });
  window.webContents.emit("did-start-navigation", { isMainFrame: false, isSameDocument: false });
  expect(sessions[0]?.closed).toBe(false);
});

test("a page whose session ended for bad manners loses its window", () => {
  say("one");
  sessions[0]?.end("too much");
  expect(window.isDestroyed()).toBe(true);
  expect(sessions[0]?.closed).toBe(true);
});

test("a window that was closed, or a page that crashed, ends the session", () => {
  say("one");
  window.webContents.emit("render-process-gone", {}, { reason: "crashed" });
  expect(sessions[0]?.closed).toBe(true);
  say("two");
  window.close();
  expect(sessions[1]?.closed).toBe(true);
  expect(() => sessions[1]?.send("late")).not.toThrow();
});

test("the next window's page is the one that is heard", () => {
  const first = window;
  window = new StandInWindow({});
  pages.serve(window);
  say("new");
  say("old", { sender: first.webContents, senderFrame: first.webContents.mainFrame });
  expect(sessions.map(({ received }) => received)).toEqual([["new"]]);
  expect(refused).toBe(1);
});
