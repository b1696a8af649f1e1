// A Debian package by dpkg-deb: root's files, and the same bytes from the same files.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import type { Release } from "./release.ts";

export const COMPRESSIONS = ["xz", "gzip", "none"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

export interface DebianPackage {
  /** What lies in it, as assets/packaging/stage.ts writes it. Its control files are added. */
  readonly folder: string;
  readonly output: string;
  /** Fields of the control file, in their order; Installed-Size is added. */
  readonly control: Readonly<Record<string, string>>;
  /** By name (postinst, prerm, postrm), the script's file. */
  readonly scripts: Readonly<Record<string, string>>;
  readonly compression: Compression;
  /** Seconds since 1970. */
  readonly time: number;
}

export function hasDpkgDeb(): boolean {
  return spawnSync("dpkg-deb", ["--version"], { stdio: "ignore" }).status === 0;
}

/** Node's names of processors to Debian's. Throws for one that there is no Node for. */
export function debianArchitecture(arch: string): string {
  const known: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
  const found = known[arch];
  if (found === undefined) throw new Error(`no package for the processor "${arch}": Node has none either`);
  return found;
}

/** semver's "1.0.0-beta.1" comes before 1.0.0; in Debian's order a tilde says that. */
export function debianVersion(version: string): string {
  return version.replaceAll("-", "~");
}

/** Throws, with what dpkg-deb said, where it fails. */
export function buildDebianPackage(one: DebianPackage): void {
  const { folder, output, scripts, compression, time } = one;
  const files = filesIn(folder);
  const control = join(folder, "DEBIAN");
  mkdirSync(control);
  chmodSync(control, 0o755);
  const size = files.reduce((sum, file) => sum + lstatSync(file).size, 0);
  const fields = { ...one.control, "Installed-Size": String(Math.ceil(size / 1024)) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  writeFileSync(join(control, "control"), lines.join(""));
  writeFileSync(join(control, "md5sums"), files.map((file) => md5Line(folder, file)).join(""));
  for (const [name, file] of Object.entries(scripts)) copyFileSync(file, join(control, name));
  for (const name of readdirSync(control)) {
    chmodSync(join(control, name), name in scripts ? 0o755 : 0o644);
    lutimesSync(join(control, name), time, time);
  }
  for (const one of [control, folder]) lutimesSync(one, time, time);
  execFileSync("dpkg-deb", ["--root-owner-group", `-Z${compression}`, "--build", folder, output], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(time) },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

export function changelog(name: string, { version, maintainer, time }: Release): string {
  // RFC 2822's date, as Debian writes it.
  const date = new Date(time * 1000).toUTCString().replace("GMT", "+0000");
  return `${name} (${debianVersion(version)}) stable; urgency=medium\n\n  * Release ${version}.\n\n -- ${maintainer}  ${date}\n`;
}

export function copyright({ maintainer, homepage }: Release, licence: string): string {
  const [, holder, ...terms] = licence.trim().split(/\n\n+/);
  const paragraph = [...terms].join("\n\n").replaceAll("\n\n", "\n.\n").replaceAll("\n", "\n ");
  const years = (holder ?? "").replace(/^Copyright \(c\) /, "");
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Castaway
Upstream-Contact: ${maintainer}
Source: ${homepage}

Files: *
Comment: What others wrote is inside of our files, Node.js and libraries among it: see THIRD-PARTY.txt.gz beside this
 file for their names, versions, copyrights and licences.
Copyright: ${years}
License: Expat
 ${paragraph}
`;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}

/** md5 because that is what Debian's md5sums holds: against accidents, not against anybody. */
function md5Line(folder: string, file: string): string {
  const sum = createHash("md5").update(readFileSync(file)).digest("hex");
  return `${sum}  ${relative(folder, file)}\n`;
}
