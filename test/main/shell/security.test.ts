import type { EventEmitter } from "node:events";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { appProtocol } from "#main/shell/app-protocol.ts";
import { mayOpenOutside, secureApp, secureContents, secureSession } from "#main/shell/security.ts";
import { webPreferences } from "#main/shell/window.ts";
import { StandInContents, StandInSession } from "#test/support/app/electron-stand-in-windows.ts";
import { electronStandIn } from "#test/support/app/electron-stand-in.ts";

const HOME = "app://castaway/index.html";

describe("before anything else", () => {
  test("every page is in the sandbox, and app: is a scheme with an origin and no more rights than that", () => {
    const { parts, app, protocol } = electronStandIn();
    secureApp(parts);
    expect(app.called("enableSandbox")).toBe(true);
    expect(protocol.schemes).toEqual([{ scheme: "app", privileges: { standard: true, secure: true } }]);
  });

  test("every page that is made is held in place, also one that we did not make", () => {
    const { parts, app } = electronStandIn();
    secureApp(parts);
    const contents = new StandInContents();
    app.emit("web-contents-created", {}, contents);
    expect(contents.openHandler?.({ url: "https://example.org/" } as never)).toEqual({ action: "deny" });
  });

  test("a page has no Node, no webview, no other world's rights, and no developer tools in production", () => {
    expect(webPreferences("/p.cjs", false)).toEqual({
      preload: "/p.cjs",
      devTools: false,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      safeDialogs: true,
      spellcheck: false,
    });
  });
});

describe("a page", () => {
  let contents: StandInContents;
  let outside: string[];
  beforeEach(() => {
    contents = new StandInContents();
    outside = [];
    secureContents(contents, (url) => outside.push(url));
  });

  const prevented = (emitter: EventEmitter, event: string, url = "https://example.org/"): boolean => {
    let stopped = false;
    emitter.emit(event, { url, preventDefault: () => (stopped = true) });
    return stopped;
  };

  test.each([
    "https://example.org/",
    "file:///etc/passwd",
    "app://other/index.html",
    "app://castaway/other.html",
    "data:text/html,x",
    "javascript:alert(1)",
  ])("does not go to %s", (url) => {
    expect(prevented(contents, "will-navigate", url)).toBe(true);
    expect(prevented(contents, "will-frame-navigate", url)).toBe(true);
    expect(outside).toEqual([]);
  });

  test("may load itself again", () => {
    expect(prevented(contents, "will-navigate", HOME)).toBe(false);
    expect(prevented(contents, "will-navigate", `${HOME}#/streams`)).toBe(false);
  });

  test("is not sent elsewhere, and holds no webview", () => {
    expect(prevented(contents, "will-redirect")).toBe(true);
    expect(prevented(contents, "will-attach-webview")).toBe(true);
  });

  test("opens no window; a mail goes to the mail program", () => {
    const mail = "mailto:?subject=Castaway&body=castaway://join/abc";
    expect(contents.openHandler?.({ url: mail } as never)).toEqual({ action: "deny" });
    expect(prevented(contents, "will-navigate", mail)).toBe(true);
    expect(outside).toEqual([mail, mail]);
  });

  test.each([
    ["mailto:?subject=a&body=b", true],
    ["mailto:?Body=b", true],
    ["mailto:somebody@example.org?body=b", false],
    ["mailto:?attach=/etc/passwd", false],
    ["mailto:?bcc=x@example.org&body=b", false],
    ["https://example.org/", false],
    ["http://127.0.0.1/", false],
    ["file:///etc/passwd", false],
    ["smb://server/share", false],
    ["castaway://join/abc", false],
    ["ms-msdt:/id", false],
    ["not a url", false],
    [`mailto:?body=${"x".repeat(10_000)}`, false],
  ])("%s may lead outside: %s", (url, may) => {
    expect(mayOpenOutside(url)).toBe(may);
  });
});

describe("the session", () => {
  const session = (devTools = false): StandInSession => {
    const made = new StandInSession();
    secureSession(made, devTools);
    return made;
  };
  const asked = (made: StandInSession, permission: string, requestingUrl = HOME): boolean => {
    let answer: boolean | undefined;
    made.requestHandler?.({} as never, permission as never, (granted) => (answer = granted), {
      requestingUrl,
      isMainFrame: true,
    } as never);
    return answer as boolean;
  };

  test.each([
    "geolocation",
    "notifications",
    "media",
    "midi",
    "midiSysex",
    "pointerLock",
    "fullscreen",
    "openExternal",
    "display-capture",
    "clipboard-read",
    "fileSystem",
    "hid",
    "serial",
    "usb",
    "storage-access",
    "idle-detection",
    "unknown",
  ])("denies %s", (permission) => {
    const made = session();
    expect(asked(made, permission)).toBe(false);
    expect(made.checkHandler?.(null, permission as never, "app://castaway", {} as never)).toBe(false);
  });

  test("grants its own page the clipboard for writing, and nobody else", () => {
    const made = session();
    const permission = "clipboard-sanitized-write";
    expect(asked(made, permission)).toBe(true);
    expect(asked(made, permission, "https://example.org/")).toBe(false);
    expect(asked(made, permission, "app://castaway.example.org/")).toBe(false);
    expect(made.checkHandler?.(null, permission, "app://castaway/", {} as never)).toBe(true);
    expect(made.checkHandler?.(null, permission, "https://example.org", {} as never)).toBe(false);
  });

  test("has no devices and no downloads", () => {
    const made = session();
    expect(made.deviceHandler?.({} as never)).toBe(false);
    let stopped = false;
    made.emit("will-download", { preventDefault: () => (stopped = true) });
    expect(stopped).toBe(true);
  });

  test.each([
    ["app://castaway/index.html", false],
    ["app://castaway/assets/a.js", false],
    ["data:image/png;base64,AAAA", false],
    ["https://example.org/", true],
    ["http://127.0.0.1:42271/", true],
    ["ws://127.0.0.1/", true],
    ["file:///etc/passwd", true],
    ["app://other/", true],
    ["app://castaway.evil/", true],
    ["app://x@castaway/", true],
    ["data:text/html,x", true],
    ["blob:app://castaway/1", true],
    ["devtools://devtools/bundled/x", true],
  ])("a request for %s is cancelled: %s", (url, cancel) => {
    let answer: unknown;
    session().requestListener?.({ url }, (given) => (answer = given));
    expect(answer).toEqual({ cancel });
  });

  test("an unpackaged app may look at itself", () => {
    let answer: unknown;
    session(true).requestListener?.({ url: "devtools://devtools/x" }, (given) => (answer = given));
    expect(answer).toEqual({ cancel: false });
  });
});

describe("app://castaway/", () => {
  const folder = mkdtempSync(join(tmpdir(), "castaway-page-"));
  const page = join(folder, "page");
  mkdirSync(join(page, "assets"), { recursive: true });
  writeFileSync(join(page, "index.html"), "<!doctype html>");
  writeFileSync(join(page, "assets/index-B1c_d.js"), "1");
  writeFileSync(join(page, ".hidden.js"), "secret");
  writeFileSync(join(folder, "secret.html"), "secret");
  const handler = appProtocol(page);
  const get = (url: string, method = "GET") => handler({ url, method } as Request);

  test("serves the interface's files with the whole content security policy", async () => {
    const response = await get(HOME);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("<!doctype html>");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("content-security-policy")?.split("; ")).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    expect((await get("app://castaway/assets/index-B1c_d.js")).headers.get("content-type")).toMatch(
      /javascript/,
    );
  });

  test.each([
    "app://castaway/",
    "app://castaway/none.html",
    "app://castaway/../secret.html",
    "app://castaway/assets/../../secret.html",
    "app://castaway/%2e%2e/secret.html",
    "app://castaway/..%2fsecret.html",
    "app://castaway/assets/..%5c..%5csecret.html",
    "app://castaway/.hidden.js",
    "app://castaway//etc/passwd",
    "app://castaway/index.html%00.js",
    "app://castaway/assets",
    "app://other/index.html",
    "app://castaway@other/index.html",
    "file:///etc/passwd",
    "nonsense",
  ])("has nothing under %s", async (url) => {
    const response = await get(url);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain("secret");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  test("takes no other method", async () => {
    expect((await get(HOME, "POST")).status).toBe(404);
  });
});
