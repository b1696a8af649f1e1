// `castaway web` as a thread of its own: told by the command line what to do, and telling it what to print.
import { resolve } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type { WebCommand, WebEvent, WebOptions } from "#contract/web-shell.ts";
import { hasBrowser, openBrowser, tunnelCommand } from "./open-browser.ts";
import { rendererFiles } from "./static-files.ts";
import { WebShell } from "./web-shell.ts";

/** Next to the daemon's, the meeting point's and the one that marks re-sent datagrams. */
const USUAL_PORT = 42_271;
const MINUTE_MS = 60_000;

const port = parentPort;
if (!port) throw new Error("the web shell is started by castaway web");
const tell = (event: WebEvent): void => port.postMessage(event);

run(workerData as WebOptions).catch((error: unknown) => {
  const remedy = error instanceof Error && "remedy" in error ? String(error.remedy) : null;
  tell({ type: "failed", message: error instanceof Error ? error.message : String(error), remedy });
  port.close();
});

async function run(options: WebOptions): Promise<void> {
  const { version, socket, idleMinutes } = options;
  const environment = process.env;
  const end = (reason: string): void => {
    shell.end(reason);
    port?.close();
  };
  const shell = new WebShell({
    files: rendererFiles(resolve(import.meta.dirname ?? "", "../../out/renderer")),
    version,
    environment,
    socket,
    idleMs: idleMinutes * MINUTE_MS,
    onIdle: () => {
      tell({ type: "note", text: "Nobody used it for a long time: the web shell ends." });
      end("Castaway was closed, because nobody used it for a long time.");
    },
  });
  const taken = await start(shell, options.port);
  const url = shell.server.link();
  tell({ type: "ready", url, port: taken });
  for (const text of notes(shell, taken)) tell({ type: "note", text });
  port?.on("message", (command: WebCommand) => {
    if (command === "end") end("Castaway was closed where it was started. Run castaway web again.");
    else tell({ type: "link", url: shell.server.link() });
  });
  if (options.open && hasBrowser(environment, process.platform, process.getuid?.()))
    await openBrowser(url, process.platform);
}

async function start(shell: WebShell, wanted: number | undefined): Promise<number> {
  try {
    return await shell.start(wanted ?? USUAL_PORT);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (wanted === undefined && code === "EADDRINUSE") return shell.start(0);
    throw Object.assign(new Error(`port ${wanted ?? USUAL_PORT} cannot be had (${code})`, { cause: error }), {
      remedy: "Choose another one with --port, or leave it out.",
    });
  }
}

function notes(shell: WebShell, taken: number): string[] {
  const { SUDO_USER: user = "USER" } = process.env;
  const tunnel = tunnelCommand(process.env, taken);
  return [
    ...(shell.note === null ? [] : [shell.note]),
    ...(tunnel === undefined
      ? []
      : [`On the computer that you sit at, run this, then open the link there: ${tunnel}`]),
    ...(process.getuid?.() === 0
      ? [
          `It runs as root, which it does not need. As a user: sudo castaway owners add ${user}, then castaway web.`,
        ]
      : []),
  ];
}
