// `npm start`: the app, in Electron where its binary is, in the browser otherwise. Nothing privileged is started: where
// no daemon runs, the app says so and how to start one.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");

export type Place =
  | { readonly kind: "electron"; readonly binary: string }
  /** `why`: in a sentence, what keeps Electron from it. */
  | { readonly kind: "web"; readonly why: string };

export interface Surroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  readonly uid: number | undefined;
  /** Electron's package, node_modules/electron. */
  readonly electron: string;
}

/** Looks, and downloads nothing: the package itself would at its first use. */
export function placeFor({ environment, platform, uid, electron }: Surroundings): Place {
  const binary = electronBinary(electron, environment["ELECTRON_OVERRIDE_DIST_PATH"]);
  if (binary === undefined)
    return { kind: "web", why: "Electron's binary is not here (npx install-electron fetches it)" };
  if (uid === 0) return { kind: "web", why: "Electron does not run as root" };
  if (platform === "linux" && !environment["DISPLAY"] && !environment["WAYLAND_DISPLAY"])
    return { kind: "web", why: "There is no screen here" };
  return { kind: "electron", binary };
}

/** Where the package says that it is. */
function electronBinary(electron: string, override: string | undefined): string | undefined {
  let name = "electron";
  try {
    name = readFileSync(join(electron, "path.txt"), "utf8").trim() || name;
  } catch {
    if (!override) return undefined; // never downloaded
  }
  const binary = join(override ?? join(electron, "dist"), name);
  return existsSync(binary) ? binary : undefined;
}

/** Ends this program where a step of the build fails: it has said why. */
function build(part: string, ...words: string[]): void {
  const { status } = spawnSync("npm", ["run", "--silent", part, "--", ...words], {
    cwd: ROOT,
    stdio: ["ignore", 2, "inherit"],
  });
  if (status !== 0) process.exit(status ?? 1);
}

function start(words: readonly string[]): void {
  const place = placeFor({
    environment: process.env,
    platform: process.platform,
    uid: process.getuid?.(),
    electron: join(ROOT, "node_modules/electron"),
  });
  build("build:renderer", "--logLevel", "warn");
  if (place.kind === "electron") build("build:main");
  else console.log(`${place.why}, so the app opens in the browser.`);
  const child =
    place.kind === "electron"
      ? spawn(place.binary, [ROOT, ...words], { stdio: "inherit" })
      : spawn(process.execPath, [join(ROOT, "helper/cli/main.ts"), "web", ...words], { stdio: "inherit" });
  // The terminal sends Ctrl-C to both; the child ends in its own way, and this with it.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => void (signal !== "SIGINT" && child.kill(signal)));
  child.once("error", (error) => {
    console.error(`castaway: ${error.message}`);
    process.exitCode = 1;
  });
  child.once("exit", (code) => (process.exitCode = code ?? 1));
}

if (import.meta.main) start(process.argv.slice(2));
