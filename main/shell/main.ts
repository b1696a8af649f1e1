// Electron's entry point, and the only file that imports Electron itself.
import { userInfo } from "node:os";
import { resolve } from "node:path";
import electron from "electron";
import ElectronStore from "electron-store";
import { exec } from "sudo-prompt";
import { connect } from "#contract/client.ts";
import { clientSocketPath } from "#contract/socket-path.ts";
import { serviceFacts } from "#main/helper-link/service-facts.ts";
import { startDesktop } from "./start.ts";
import { hasTrayHost } from "./tray-host.ts";

const { app } = electron;
const { platform, env, argv, execPath } = process;
const log = (text: string): void => console.error(`castaway: ${text}`);

startDesktop(
  {
    electron,
    openStore: (options) => new ElectronStore(options),
    elevate: exec,
    connect: () => connect(clientSocketPath(env)),
    facts: serviceFacts(platform),
    hasTrayHost: () => hasTrayHost(platform),
    platform,
    environment: env,
    uid: process.getuid?.(),
    user: userName(),
    root: resolve(import.meta.dirname, "../.."),
    resources: process.resourcesPath,
    program: app.isPackaged ? [execPath] : [execPath, app.getAppPath()],
    now: () => performance.now(),
    log,
  },
  argv,
).catch((error: unknown) => {
  log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  app.exit(1);
});

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "");
  }
}
