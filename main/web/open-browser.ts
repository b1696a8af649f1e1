// Whether this computer has a browser to open, and how people reach it where it has none.
import { spawn } from "node:child_process";
import { userInfo } from "node:os";

/** False where there is no desktop here, or where root would browse. */
export function hasBrowser(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform, uid?: number): boolean {
  if (uid === 0 || environment["SSH_CONNECTION"]) return false;
  if (platform === "darwin") return true;
  return platform === "linux" && Boolean(environment["DISPLAY"] || environment["WAYLAND_DISPLAY"]);
}

/** In the person's own browser. Resolves with whether a program for it could be started. */
export function openBrowser(url: string, platform: NodeJS.Platform): Promise<boolean> {
  const child = spawn(platform === "darwin" ? "open" : "xdg-open", [url], {
    stdio: "ignore",
    detached: true,
  });
  child.unref();
  return new Promise((resolve) => {
    child.once("spawn", () => resolve(true));
    child.once("error", () => resolve(false));
  });
}

/** The command by which the computer that one sits at reaches this one; undefined where nobody came by ssh. */
export function tunnelCommand(environment: NodeJS.ProcessEnv, port: number): string | undefined {
  // "client address, client port, server address, server port"
  const [, , address, sshPort] = (environment["SSH_CONNECTION"] ?? "").split(" ");
  if (!address || !sshPort) return undefined;
  const other = sshPort === "22" ? "" : `-p ${sshPort} `;
  return `ssh ${other}-L ${port}:127.0.0.1:${port} ${userName()}@${address}`;
}

/** A uid where the account has no name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "root");
  }
}
