// Where code lives that is not called but started: worker threads, and the DHT's process. From the sources it is a .ts file beside the
// others, in the executable a bundle among its assets; nothing is read from disk then.
import { getAsset, isSea } from "node:sea";
import { fileURLToPath } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { DHT_WORD, SERVICE_VARIABLE } from "#dht/messages.ts";
import type { Program } from "#edge/linux/launcher.ts";

/** The workers by name, with their entry files from the checkout's root. The build bundles each of them. */
export const WORKER_ENTRIES = {
  "fast-path": "helper/fastpath/worker.ts",
  web: "main/web/run.ts",
} as const;
export type WorkerName = keyof typeof WORKER_ENTRIES;

/** The interface's files in the executable, for the web shell: each by its path under this. */
export const RENDERER_ASSETS = "renderer/";

export function workerAsset(name: string): string {
  return `worker/${name}.cjs`;
}

export function startWorker(name: WorkerName, options: Omit<WorkerOptions, "eval"> = {}): Worker {
  if (isSea()) return startBundledWorker(name, options);
  return new Worker(new URL(`../../${WORKER_ENTRIES[name]}`, import.meta.url), { name, ...options });
}

/** Inside the executable alone. */
export function startBundledWorker(name: string, options: Omit<WorkerOptions, "eval"> = {}): Worker {
  return new Worker(getAsset(workerAsset(name), "utf8"), { name, ...options, eval: true });
}

export function dhtProgram(): Program {
  const variable = SERVICE_VARIABLE;
  if (isSea()) return { executable: process.execPath, arguments: [DHT_WORD], files: [], variable };
  const entry = fileURLToPath(new URL("../dht/main.ts", import.meta.url));
  const library = fileURLToPath(import.meta.resolve("hyperdht"));
  return { executable: process.execPath, arguments: [entry], files: [entry, library], variable };
}
