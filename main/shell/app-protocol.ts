// app://castaway/: the interface's files, and nothing else. Under a scheme of its own a page has an origin, and no right
// to read files.
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { APP_ORIGIN, CONTENT_SECURITY_POLICY } from "./security.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};
/** As the build names files. No segment begins with a dot, and nothing in it is escaped. */
const PATH = /^(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$/;

/** Answers requests from the files in `folder`, which may be inside of an archive. */
export function appProtocol(folder: string): (request: Request) => Promise<Response> {
  return async ({ method, url }) => {
    const path = method === "GET" ? pathOf(url) : undefined;
    const type = path === undefined ? undefined : TYPES[extname(path)];
    if (path === undefined || type === undefined) return notFound();
    try {
      return new Response(await readFile(join(folder, path)), { headers: headers(type) });
    } catch {
      return notFound();
    }
  };
}

/** undefined: of another origin, or no name that a file of ours has. */
function pathOf(text: string): string | undefined {
  if (!text.startsWith(`${APP_ORIGIN}/`) || !URL.canParse(text)) return undefined;
  const { pathname } = new URL(text);
  return PATH.test(pathname) ? pathname : undefined;
}

function notFound(): Response {
  return new Response("There is nothing here.", {
    status: 404,
    headers: headers("text/plain; charset=utf-8"),
  });
}

function headers(type: string): Record<string, string> {
  return {
    "Content-Type": type,
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
  };
}
