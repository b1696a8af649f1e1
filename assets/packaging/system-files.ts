// What a package for Linux puts outside of its own folder: the same list for the headless .deb and for the desktop app's
// .deb and .rpm. packaging/stage.ts writes it into a folder.
import { gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { commandOutput, manPage } from "./command-texts.ts";

export const ROOT = resolve(import.meta.dirname, "../..");

/** The desktop app's package, which electron-builder.yml describes. */
export const DESKTOP = "castaway";
/** The licences of others, in the packages' documents and in the app's resources. */
export const THIRD_PARTY = "THIRD-PARTY.txt";

export type Format = "deb" | "rpm";

export interface SystemFile {
  /** Without a leading slash. */
  readonly path: string;
  readonly mode: 0o644 | 0o755;
  readonly content: { readonly bytes: Buffer } | { readonly link: string } | { readonly file: string };
}

/** The distributions' own places for zsh's functions; everything else is the same on all. */
const ZSH_FUNCTIONS: Record<Format, string> = {
  deb: "usr/share/zsh/vendor-completions",
  rpm: "usr/share/zsh/site-functions",
};

/** What the app's own folder has of the service, beside the executable: for installing it where no package did. */
export const SERVICE_RESOURCES = [
  "service-control.sh",
  "castaway.service",
  "castaway-meet.service",
  "castaway.sysusers",
  "completion/castaway.bash",
  "completion/castaway.zsh",
  "completion/castaway.fish",
] as const;

export async function serviceResources(version: string): Promise<SystemFile[]> {
  return Promise.all(
    SERVICE_RESOURCES.map(async (path) => {
      const shell = /^completion\/castaway\.(\w+)$/.exec(path)?.[1];
      return text(
        path,
        shell === undefined ? asset(path) : await commandOutput(["completion", shell], version),
      );
    }),
  );
}

/** Units, account, completion and manual: what belongs to the service and to the command. */
export async function systemFiles(format: Format, version: string): Promise<SystemFile[]> {
  const completion = (shell: string): Promise<string> => commandOutput(["completion", shell], version);
  return [
    text("usr/lib/systemd/system/castaway.service", asset("castaway.service")),
    text("usr/lib/systemd/system/castaway-meet.service", asset("castaway-meet.service")),
    text("usr/lib/sysusers.d/castaway.conf", asset("castaway.sysusers")),
    text("usr/share/bash-completion/completions/castaway", await completion("bash")),
    text(`${ZSH_FUNCTIONS[format]}/_castaway`, await completion("zsh")),
    text("usr/share/fish/vendor_completions.d/castaway.fish", await completion("fish")),
    text("usr/share/man/man1/castaway.1.gz", zipped(manPage(version))),
  ];
}

export function text(path: string, content: Buffer | string): SystemFile {
  return { path, mode: 0o644, content: { bytes: Buffer.from(content) } };
}

export function link(path: string, target: string): SystemFile {
  return { path, mode: 0o755, content: { link: target } };
}

export function asset(name: string): Buffer {
  return readFileSync(join(ROOT, "assets", name));
}

/** Without a time in its header, so that the same text gives the same bytes. */
export function zipped(content: string): Buffer {
  return gzipSync(content, { level: 9 });
}
