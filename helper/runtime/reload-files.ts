import { ControlError } from "#contract/errors.ts";
import type { Result } from "#contract/methods.ts";
import type { Engine } from "./engine.ts";

/**
 * Reads the routes file and the peers file anew. A mistake in one keeps that one as it was, and the other is in force.
 * Throws ControlError where either has one. `runs`: the daemon is not ending meanwhile.
 */
export async function reloadFiles(engine: Engine, runs = () => true): Promise<Result<"routes.reload">> {
  const { routesFile, peersFile } = engine;
  if (!routesFile || !peersFile)
    throw new ControlError("not-found", "the daemon was started without files to read");
  const loaded = await Promise.allSettled([routesFile.load(), peersFile.load()]);
  if (runs()) engine.filesChanged();
  for (const one of loaded) if (one.status === "rejected") throw one.reason;
  return {
    file: routesFile.path,
    entries: routesFile.entries.length,
    peersFile: peersFile.path,
    peers: peersFile.config?.peers.length ?? 0,
  };
}
