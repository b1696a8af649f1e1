// Builds out/castaway: everything in one executable file. The commands and the daemon are one bundle, each worker
// another, koffi's machine code and the interface's files are assets; Node's own executable carries them (a single executable application).
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { build, type BuildOptions, type Plugin } from "rolldown";
import { ADDON_PACKAGES, addonAsset } from "#dht/addons.ts";
import { KOFFI_ASSET } from "#runtime/koffi-addon.ts";
import { RENDERER_ASSETS, WORKER_ENTRIES, workerAsset } from "#runtime/resources.ts";

const ROOT = resolve(import.meta.dirname, "..");

export interface Executable {
  readonly main: string;
  /** Entry file by worker name. */
  readonly workers: Readonly<Record<string, string>>;
  /** The folder with the interface's files, where the executable is to serve them. */
  readonly renderer?: string;
  readonly output: string;
  /** What it says it is; package.json's version otherwise. For tests of an update. */
  readonly version?: string;
}

/** The real one: the commands, the daemon and its workers; the interface, where it was built, is `renderer`. */
export function castawayExecutable(output: string): Executable {
  return {
    main: join(ROOT, "helper/cli/main.ts"),
    workers: Object.fromEntries(
      Object.entries(WORKER_ENTRIES).map(([name, entry]) => [name, join(ROOT, entry)]),
    ),
    output,
  };
}

/** Bundles and joins; throws where an entry is missing or Node is too old. */
export async function buildExecutable({
  main,
  workers,
  renderer,
  output,
  version,
}: Executable): Promise<void> {
  const work = `${output}.build`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    const mainBundle = join(work, "main.mjs");
    await bundle(main, mainBundle, "esm", version);
    const assets: Record<string, string> = { [KOFFI_ASSET]: koffiAddon() };
    for (const name of ADDON_PACKAGES) assets[addonAsset(name)] = prebuiltAddon(name);
    for (const [name, entry] of Object.entries(workers)) {
      const file = join(work, `${name}.cjs`);
      await bundle(entry, file, "cjs", version); // a worker made from text is CommonJS
      assets[workerAsset(name)] = file;
    }
    if (renderer !== undefined) Object.assign(assets, rendererAssets(renderer));
    const config = join(work, "sea.json");
    const joined = join(work, "castaway");
    writeFileSync(
      config,
      JSON.stringify({
        main: mainBundle,
        mainFormat: "module",
        output: joined,
        executable: withoutSymbols(join(work, "node")),
        disableExperimentalSEAWarning: true,
        // A small young generation: hardly anything here lives long, and memory is what a box at home has least of.
        execArgv: ["--max-semi-space-size=1", "--v8-pool-size=1"],
        execArgvExtension: "none", // NODE_OPTIONS must not steer a program that runs as root
        assets,
      }),
    );
    execFileSync(process.execPath, ["--build-sea", config], { stdio: ["ignore", "ignore", "inherit"] });
    const finished = join(work, "finished");
    copyInSmallPieces(joined, finished);
    chmodSync(finished, 0o755);
    renameSync(finished, output); // a running daemon keeps the old file
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** How an entry is bundled: what becomes of its imports. */
export function bundling(input: string, version?: string): BuildOptions {
  return {
    input,
    platform: "node",
    cwd: ROOT,
    plugins: [builtinsAsTheyAre, koffiFromExecutable, addonsFromExecutable, otherVersion(version)],
    logLevel: "warn",
  };
}

async function bundle(
  input: string,
  file: string,
  format: "esm" | "cjs",
  version: string | undefined,
): Promise<void> {
  await build({
    ...bundling(input, version),
    // Blanks and comments would be kept in memory; names stay, for what a failure prints.
    output: {
      file,
      format,
      codeSplitting: false,
      minify: { compress: false, mangle: false, codegen: true },
    },
  });
  // One character outside Latin-1 doubles what the text takes in memory.
  const text = readFileSync(file, "utf8");
  writeFileSync(
    file,
    text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );
}

/**
 * An import of node:http, however little of it, evaluates all that it exports, undici and its WebSocket among them: 8 MiB.
 * A require does not.
 */
const builtinsAsTheyAre: Plugin = {
  name: "builtins-as-they-are",
  resolveId(source) {
    const builtin = /^(?:node:)?(https?)$/.exec(source);
    return builtin ? { id: `\0node:${builtin[1]}` } : null;
  },
  load(id) {
    if (!id.startsWith("\0node:")) return null;
    return { code: `module.exports = process.getBuiltinModule("${id.slice(1)}");`, moduleType: "js" };
  },
};

/** koffi looks for its machine code in node_modules: in the executable it comes from the assets. */
const koffiFromExecutable: Plugin = {
  name: "koffi-from-executable",
  resolveId(source, importer) {
    if (source.endsWith("/static.js") && importer?.includes("/node_modules/koffi/"))
      return join(ROOT, "helper/runtime/koffi-addon.ts");
    return null;
  },
  transform(code, id) {
    if (!id.includes("/node_modules/koffi/")) return null;
    // A CommonJS bundle has no import.meta; what koffi makes of it is not used once loadStatic has answered.
    return code
      .replaceAll("createRequire(import.meta.url)", "createRequire(process.execPath)")
      .replaceAll("import.meta.dirname", '""');
  },
};

/** hyperdht's libraries look for theirs beside themselves. */
const addonsFromExecutable: Plugin = {
  name: "addons-from-executable",
  transform(_code, id) {
    const name = ADDON_PACKAGES.find((one) => id.endsWith(`/node_modules/${one}/binding.js`));
    if (!name) return null;
    const loader = JSON.stringify(join(ROOT, "helper/dht/addons.ts"));
    return `module.exports = require(${loader}).loadAddon(${JSON.stringify(name)});`;
  },
};

function otherVersion(version: string | undefined): Plugin {
  return {
    name: "other-version",
    transform(code, id) {
      if (version === undefined || id !== join(ROOT, "package.json")) return null;
      return JSON.stringify({ ...(JSON.parse(code) as object), version });
    },
  };
}

function prebuiltAddon(name: string): string {
  const require = createRequire(createRequire(import.meta.url).resolve("hyperdht"));
  const folder = dirname(require.resolve(`${name}/package.json`));
  return join(folder, "prebuilds", `${process.platform}-${process.arch}`, `${name}.node`);
}

function koffiAddon(): string {
  const require = createRequire(createRequire(import.meta.url).resolve("koffi"));
  const target = `${process.platform}_${process.arch}`;
  const packageFile = require.resolve(`@koromix/koffi-${process.platform}-${process.arch}/package.json`);
  return join(dirname(packageFile), target, "koffi.node");
}

function rendererAssets(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  // In an order of their own, and not the folder's, so that the same sources give the same executable.
  return Object.fromEntries(
    files.sort().map((file) => [RENDERER_ASSETS + relative(folder, file).replaceAll("\\", "/"), file]),
  );
}

/**
 * Node without what a debugger alone reads, a fifth of it; the symbols that the addons call stay. Taken away before the
 * joining, since strip would not know what to do with what was joined. Without strip(1), or where Node is no ELF file, it
 * stays as it is.
 */
function withoutSymbols(file: string): string {
  if (process.platform !== "linux") return process.execPath;
  const { status } = spawnSync("strip", ["--strip-unneeded", "-o", file, process.execPath], {
    stdio: "ignore",
  });
  return status === 0 ? file : process.execPath;
}

/**
 * The page cache keeps a file in pieces as large as those it was written in, and counts a piece as resident in
 * a process that touches any part of it: written at once, Node's 150 MB cost each process 35 MiB more.
 */
function copyInSmallPieces(from: string, to: string): void {
  const source = openSync(from, "r");
  const target = openSync(to, "w");
  const piece = new Uint8Array(4096);
  for (let size = readSync(source, piece); size > 0; size = readSync(source, piece))
    writeSync(target, piece, 0, size);
  closeSync(source);
  closeSync(target);
}

if (import.meta.main) {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < 26)
    throw new Error(`the build needs Node 26, this is ${process.version}: run it as "npm run build"`);
  const renderer = join(ROOT, "out/renderer");
  if (!existsSync(join(renderer, "index.html")))
    throw new Error("the interface has not been built: run npm run build, which does both");
  mkdirSync(join(ROOT, "out"), { recursive: true });
  await buildExecutable({ ...castawayExecutable(join(ROOT, "out/castaway")), renderer });
}
