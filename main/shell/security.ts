// Electron's security list, but for what belongs to the window's own options (window.ts), to messages (ipc.ts) and to
// the fuses of the packaged app. The page is treated as if it were hostile: it may show itself, and nothing else.
import type { ContentsParts, ElectronParts, SessionParts } from "./electron-parts.ts";

export const APP_SCHEME = "app";
/** The page's origin. A host keeps relative paths inside of it. */
export const APP_ORIGIN = `${APP_SCHEME}://castaway`;
export const START_URL = `${APP_ORIGIN}/index.html`;

export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'none'", // messages go through the preload script
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** What a page may ask the system for: to put text on the clipboard after a click. */
const PERMISSION = "clipboard-sanitized-write";
const MAX_EXTERNAL_CHARACTERS = 8_192;
/** A mail with a subject and a text, to nobody yet: no attachment, no copy to anybody. */
const MAIL_FIELDS: ReadonlySet<string> = new Set(["subject", "body"]);

/** Before the app is ready. */
export function secureApp({ app, protocol, shell }: Pick<ElectronParts, "app" | "protocol" | "shell">): void {
  app.enableSandbox();
  protocol.registerSchemesAsPrivileged([
    { scheme: APP_SCHEME, privileges: { standard: true, secure: true } },
  ]);
  app.on("web-contents-created", (_event, contents) =>
    secureContents(contents, (url) => void shell.openExternal(url).catch(() => {})),
  );
}

/** The page stays where it is, but for loading itself again. A link that leads out, and may, is handed to the system by `openOutside`. */
export function secureContents(contents: ContentsParts, openOutside: (url: string) => void): void {
  for (const event of ["will-navigate", "will-frame-navigate"] as const)
    contents.on(event, (details) => {
      if (details.url.replace(/#.*$/, "") === START_URL) return;
      details.preventDefault();
      if (event === "will-navigate" && mayOpenOutside(details.url)) openOutside(details.url);
    });
  contents.on("will-redirect", (event) => event.preventDefault());
  contents.on("will-attach-webview", (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    if (mayOpenOutside(url)) openOutside(url);
    return { action: "deny" };
  });
}

/** The mail that sends an invite. Nothing else of ours leads out of the app. */
export function mayOpenOutside(text: string): boolean {
  if (text.length > MAX_EXTERNAL_CHARACTERS || !URL.canParse(text)) return false;
  const url = new URL(text);
  return (
    url.protocol === "mailto:" &&
    url.pathname === "" &&
    url.hash === "" &&
    [...url.searchParams.keys()].every((field) => MAIL_FIELDS.has(field.toLowerCase()))
  );
}

/** `devTools`: an unpackaged app may look at itself. */
export function secureSession(session: SessionParts, devTools: boolean): void {
  const ours = (origin: string): boolean => origin === APP_ORIGIN || origin === `${APP_ORIGIN}/`;
  session.setPermissionRequestHandler((_contents, permission, answer, { requestingUrl }) =>
    answer(permission === PERMISSION && originOf(requestingUrl) === APP_ORIGIN),
  );
  session.setPermissionCheckHandler(
    (_contents, permission, origin) => permission === PERMISSION && ours(origin),
  );
  session.setDevicePermissionHandler(() => false);
  session.on("will-download", (event) => event.preventDefault());
  session.webRequest.onBeforeRequest(({ url }, answer) => {
    const allowed = originOf(url) === APP_ORIGIN || url.startsWith("data:image/");
    answer({ cancel: !allowed && !(devTools && url.startsWith("devtools:")) });
  });
}

/** Of schemes that Node knows nothing of, too: "app://castaway/x" is of "app://castaway". */
function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, host, username, password } = new URL(text);
  return username === "" && password === "" ? `${protocol}//${host}` : undefined;
}
