// npm run package:headless: out/castaway-headless_VERSION_ARCHITECTURE.deb, for a box without a screen: the command, the
// service, the web shell. The same files and the same scripts as the desktop app's package.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  buildDebianPackage,
  changelog,
  COMPRESSIONS,
  type Compression,
  debianArchitecture,
  debianVersion,
  hasDpkgDeb,
} from "./debian.ts";
import { type Release, release } from "./release.ts";
import { stage } from "./stage.ts";
import { documents } from "./documents.ts";
import { DESKTOP, ROOT, systemFiles, text, type SystemFile, zipped } from "./system-files.ts";

export const HEADLESS = "castaway-headless";

/** Debian's names; by file in assets/packaging/scripts. electron-builder.yml has the same ones. */
export const SCRIPTS = {
  postinst: join(ROOT, "assets/packaging/scripts/after-install.sh"),
  prerm: join(ROOT, "assets/packaging/scripts/before-remove.sh"),
  postrm: join(ROOT, "assets/packaging/scripts/after-remove.sh"),
} as const;

export interface HeadlessPackage {
  readonly executable: string;
  readonly release: Release;
  /** Where the .deb goes. */
  readonly folder: string;
  readonly compression: Compression;
}

/** Returns the file that it made. */
export async function buildHeadlessPackage(one: HeadlessPackage): Promise<string> {
  const { version, time, maintainer, homepage } = one.release;
  const architecture = debianArchitecture(process.arch);
  const output = join(one.folder, `${HEADLESS}_${debianVersion(version)}_${architecture}.deb`);
  const work = mkdtempSync(join(tmpdir(), "castaway-package-"));
  try {
    stage(work, await headlessFiles(one), time);
    buildDebianPackage({
      folder: work,
      output,
      control: {
        Package: HEADLESS,
        Version: debianVersion(version),
        Architecture: architecture,
        Maintainer: maintainer,
        Section: "net",
        Priority: "optional",
        Homepage: homepage,
        // Node's own; the account is made by systemd-sysusers.
        Depends:
          "libatomic1, libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 9), systemd | systemd-standalone-sysusers | systemd-sysusers, passwd",
        Recommends: "nftables",
        Conflicts: DESKTOP,
        Replaces: DESKTOP,
        Provides: DESKTOP,
        Description: DESCRIPTION,
      },
      scripts: SCRIPTS,
      compression: one.compression,
      time,
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return output;
}

const DESCRIPTION = `multicast of another network, by an encrypted tunnel
 Castaway joins a computer to another network's multicast: TV streams, media
 servers, games on the LAN, robots that find each other. It is encrypted, passes
 routers without a forwarded port, and is set up by one invite link.
 .
 This package has the command, the service and the web shell ("castaway web"),
 for a computer without a screen. The desktop app is in the package castaway.`;

async function headlessFiles({ executable, release: of }: HeadlessPackage): Promise<SystemFile[]> {
  return [
    { path: "usr/bin/castaway", mode: 0o755, content: { file: executable } },
    ...(await systemFiles("deb", of.version)),
    ...(await documents(HEADLESS, "service", of)),
    text(`usr/share/doc/${HEADLESS}/changelog.gz`, zipped(changelog(HEADLESS, of))),
    text(
      `usr/share/lintian/overrides/${HEADLESS}`,
      readFileSync(join(ROOT, "assets/packaging/scripts/lintian-overrides")),
    ),
  ];
}

if (import.meta.main) {
  const executable = join(ROOT, "out/castaway");
  const compression = COMPRESSIONS.find((known) => known === (process.argv[2] ?? "xz"));
  if (compression === undefined) throw new Error(`the compression is one of ${COMPRESSIONS.join(", ")}`);
  if (!hasDpkgDeb()) {
    console.log("skipped: the headless .deb needs dpkg-deb, which is not here (package dpkg)");
  } else if (!existsSync(executable)) {
    throw new Error("out/castaway has not been built: npm run package:headless builds it first");
  } else {
    const folder = join(ROOT, "out");
    mkdirSync(folder, { recursive: true });
    console.log(
      await buildHeadlessPackage({ executable, release: release(process.env), folder, compression }),
    );
  }
}
