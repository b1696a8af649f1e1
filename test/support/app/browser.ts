// A real browser on a machine of the lab, driven from here over pipes, which namespaces do not hinder.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { removeAtEnd } from "#test/support/lab/cleanup.ts";
import { hasCommand } from "#test/support/requirements.ts";
import type { LabHost } from "#test/support/lab.ts";

export const CHROMIUM = ["chromium", "chromium-browser", "google-chrome"].find(hasCommand);

/** Closed by its caller; playwright ends it with this process at the latest. */
export async function startBrowser(host?: LabHost): Promise<Browser> {
  if (!CHROMIUM) throw new Error("no Chromium here");
  const folder = mkdtempSync(join(tmpdir(), "castaway-browser-"));
  const forgetFolder = removeAtEnd(folder);
  const program = join(folder, "browser");
  const there = host ? `ip netns exec ${host.namespace} ` : "";
  writeFileSync(program, `#!/bin/sh\nexec ${there}${CHROMIUM} "$@"\n`);
  chmodSync(program, 0o755);
  const browser = await chromium.launch({
    executablePath: program,
    // Chromium's own sandbox cannot be had as root; the pages are our own.
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  });
  browser.on("disconnected", () => {
    rmSync(folder, { recursive: true, force: true });
    forgetFolder();
  });
  return browser;
}
