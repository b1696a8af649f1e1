// The same app in Electron itself, where its binary is: for the switch CASTAWAY_E2E=electron.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { _electron, type Page } from "playwright-core";
import type { LabHost } from "#test/support/lab.ts";

const APP = fileURLToPath(new URL("../../..", import.meta.url));

/** undefined where it was not downloaded: the package itself comes without. */
export function electronBinary(): string | undefined {
  const chosen = process.env["ELECTRON_OVERRIDE_DIST_PATH"];
  if (chosen && existsSync(chosen)) return chosen;
  try {
    const path: unknown = createRequire(import.meta.url)("electron");
    return typeof path === "string" && existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

export async function startElectron(
  env: Readonly<Record<string, string>>,
  host?: LabHost,
): Promise<{ page: Page; close: () => Promise<void> }> {
  const binary = electronBinary();
  if (!binary) throw new Error("no Electron here");
  const there = host ? ["netns", "exec", host.namespace, binary] : [];
  const app = await _electron.launch({
    executablePath: host ? "ip" : binary,
    args: [...there, APP, "--no-sandbox"],
    env: { ...(process.env as Record<string, string>), ...env },
  });
  return { page: await app.firstWindow(), close: () => app.close() };
}
