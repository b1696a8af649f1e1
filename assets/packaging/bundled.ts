// Which packages of node_modules end up in what is shipped, as the bundlers say.
import { join } from "node:path";
import { type BuildOptions, rolldown } from "rolldown";
import { build as buildRenderer } from "vite";
import { bundlingOfApp } from "../../main/build.ts";
import { bundling, castawayExecutable } from "../../helper/build.ts";
import { ROOT } from "./system-files.ts";

/** Names, in their order. */
export interface Bundled {
  /** In the executable, with the interface in it. */
  readonly service: readonly string[];
  /** In the desktop app and in the executable that lies beside it. */
  readonly app: readonly string[];
}

/** What a bundler says of one file that it would write. */
interface Written {
  readonly moduleIds?: readonly string[];
  readonly originalFileNames?: readonly string[];
}

let found: Promise<Bundled> | undefined;

/** Bundles everything, and writes nothing. Takes seconds, the first time. */
export function bundledPackages(): Promise<Bundled> {
  return (found ??= findPackages());
}

async function findPackages(): Promise<Bundled> {
  const { main, workers } = castawayExecutable("");
  const service = [
    ...(await Promise.all([main, ...Object.values(workers)].map((entry) => modulesOf(bundling(entry))))),
    await modulesOfInterface(),
  ].flat();
  const app = await modulesOf(bundlingOfApp(join(ROOT, "main/shell/main.ts")));
  return {
    service: packagesOf(service),
    app: packagesOf([...app, ...service]),
  };
}

async function modulesOf(options: BuildOptions): Promise<string[]> {
  const bundle = await rolldown(options);
  try {
    const { output } = await bundle.generate({ codeSplitting: false });
    return output.flatMap(modules);
  } finally {
    await bundle.close();
  }
}

async function modulesOfInterface(): Promise<string[]> {
  const built = await buildRenderer({
    configFile: join(ROOT, "vite.config.ts"),
    root: join(ROOT, "renderer"),
    logLevel: "error",
    build: { write: false },
  });
  return [built].flat().flatMap((one) => ("output" in one ? one.output.flatMap(modules) : []));
}

/** Fonts and pictures are no modules, and have the names of their files. */
function modules({ moduleIds = [], originalFileNames = [] }: Written): string[] {
  return [...moduleIds, ...originalFileNames];
}

function packagesOf(ids: readonly string[]): string[] {
  const names = ids.map((id) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].toSorted();
}
