// koffi's machine code in the executable. The build puts this module in the place of koffi's own search for it.
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
import { loadAsset, loadFile } from "#edge/embedded-addon.ts";

export const KOFFI_ASSET = "koffi.node";
/** The path for worker threads, which load the same file: it stays open as long as the process lives. */
const ENVIRONMENT_KEY = "castaway.koffi-addon";

/** Called by koffi in place of its own function of that name. */
export function loadStatic(): unknown {
  const known: unknown = getEnvironmentData(ENVIRONMENT_KEY);
  if (typeof known === "string") return loadFile(known);
  const { exports, path } = loadAsset(KOFFI_ASSET);
  setEnvironmentData(ENVIRONMENT_KEY, path);
  return exports;
}
